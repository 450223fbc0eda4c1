#!lua flags=allow-oom
-- The atomic dequeue: promotes what is due, re-leases what was lost, and leases up to n jobs of each type to one replica.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 seq, 10 characters (a repeat of the last one gets the same jobs again) · 3 lease (ms) · 4 not_after (ms; later than that
--       nothing is changed: the replica no longer waits, and would not run what it got) · 5 suspects that may start (0 or 1) ·
--       6 free slots of lane io · 7 of lane cpu · 8 bytes of large payloads that it has room for · 9 1 if it has none yet: then the first may have
--       more, else 0 · 10 how many jobs that lost one lease it has begun just now · then for each type the replica runs: type, its own free slots, lane
-- Returns: now (ms), when to look again (ms; 0 when nothing is planned), 1 if another call would find more at once, else 0, 1 if this is
--          a repeat, else 0; then texts of some 64 KiB that hold jobs: a mark, id, text, character 30. Marks: "+" claimed for the first time
--          (the text is what was submitted), "*" claimed again, "-" lost (whole, as the job was before this call; in a repeat as it is)
local ns, replica, seq, lease, suspects = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local room, is_empty, lost_once = tonumber(ARGV[8]), ARGV[9] == '1', tonumber(ARGV[10])
local LIMIT, MAX_BYTES = 1000, 2 * 1024 * 1024 -- bounded work and bytes for one call: its payloads are parsed in one turn of the caller's event loop
if is_late(ARGV[4]) then return { now, 0, 0, 0 } end
local suffix, until_text = lease_of(now, replica, seq), string.format('%.0f', now + lease) -- a number would be written anew for each job
local token = string.sub(suffix, 17)
local call, sub = redis.call, string.sub
local reply, leased, heads, remembered, counts, promoted, bytes = { now, 0, 0, 0 }, {}, {}, { seq }, {}, {}, 0
local texts, text_bytes = {}, 0

local function flush()
  if #texts > 0 then reply[#reply + 1] = table.concat(texts) end
  texts, text_bytes = {}, 0
end

local function hand_over(mark, id, text)
  local n = #texts
  texts[n + 1] = mark; texts[n + 2] = id; texts[n + 3] = text; texts[n + 4] = '\30' -- no line of a job holds it
  bytes = bytes + #text
  text_bytes = text_bytes + #text
  if text_bytes > 65536 then flush() end -- small enough that one long job does not keep much more than itself in the caller's memory
end

local function count(field, by) counts[field] = (counts[field] or 0) + by end

local function head_of(before, lost)
  local attempt = tonumber(sub(before, 2, 3)) + (lost and 0 or 1)
  local crashes = math.min(9, tonumber(sub(before, 4, 4)) + (lost and 1 or 0))
  return string.format('r%02d%d%s', attempt, crashes, sub(before, 5, 7)) .. suffix
end

local first_head = head_of('q' .. UNCLAIMED, false)

local function lease_job(id, text, state, lost)
  local n = #leased
  leased[n + 1] = until_text; leased[n + 2] = id
  heads[n + 1] = id
  n = #remembered
  remembered[n + 1] = lost and ' -' or ' *'; remembered[n + 2] = id
  if state or lost then
    heads[#heads + 1] = head_of(state or 'q' .. UNCLAIMED, lost) .. sub(state or '', 42)
    hand_over(lost and '-' or '*', id, whole(text, state))
  else
    heads[#heads + 1] = first_head
    hand_over('+', id, text)
  end
end

-- What the hash says of jobs: false for those that it does not know. A job that was tried often may have some 600 KB there: so many of them
-- at a time, and none after the one that fills this call.
local function states_of(ids)
  local known, read = {}, bytes
  for at = 1, #ids, 50 do
    if read > MAX_BYTES then break end
    for _, state in ipairs(call('HMGET', states, unpack(ids, at, math.min(at + 49, #ids)))) do
      known[#known + 1] = state
      read = read + (state and #state or 0)
    end
  end
  return known
end

local last_claim = call('GET', ns .. 'claim:' .. replica)
if last_claim and string.match(last_claim, '^%S+') == seq then -- the answer was lost on its way: the same jobs again
  reply[4] = 1
  for mark, id in string.gmatch(last_claim, ' ([*-])(%S+)') do
    local text, state = call('GET', jobs .. id), call('HGET', states, id)
    if text and state and sub(state, 1, 1) == 'r' and sub(state, 24, 41) == token then hand_over(mark, id, whole(text, state)) end
  end
  flush()
  return reply
end

-- Redis was away, its clock was set, or nobody claimed: leases that ran out meanwhile say nothing, so none is taken as lost for one lease.
local clock = call('HMGET', ns .. 'clock', 'claimed_at', 'grace_until', 'together', 'together_until', 'lease', 'retries')
local claimed_at, known_lease = tonumber(clock[1] or now), tonumber(clock[5] or 0)
local grace_until = believed(clock[2], math.max(lease, known_lease))
if math.abs(now - claimed_at) > lease / 3 then grace_until = now + lease end
call('HSET', ns .. 'clock', 'claimed_at', now, 'grace_until', grace_until)
if lease > known_lease then call('HSET', ns .. 'clock', 'lease', lease) end

local retries = now < claimed_at - 1000 and '0' or clock[6] -- where to go on with those that the clock left behind as it went back
if retries then
  retries = bring_back_retries(retries)
  if retries == '0' then call('HDEL', ns .. 'clock', 'retries') else call('HSET', ns .. 'clock', 'retries', retries); reply[3] = 1 end
end

-- Jobs that lost one lease run again together, until one of them is lost once more: then so many at most begin at once.
local TOGETHER_MS = 600000
local together = believed(clock[4], TOGETHER_MS) > now and tonumber(clock[3]) or nil
local function lose_again(jobs)
  together = math.max(1, math.floor((together or jobs) / 2))
  call('HSET', ns .. 'clock', 'together', together, 'together_until', now + TOGETHER_MS)
end

local paused = {}
for _, kind in ipairs(call('SMEMBERS', ns .. 'paused')) do paused[kind] = true end

local due = call('ZRANGEBYSCORE', ns .. 'scheduled', '-inf', now, 'LIMIT', 0, LIMIT)
local due_states = states_of(due)
for at, id in ipairs(due) do
  local start, state = start_of(id), due_states[at]
  local kind, size, group = string.match(start, '^([%w_]+)|%d+(>?%d*)|([^|]*)|', 3)
  if state == nil then reply[3] = 1; break end
  call('ZREM', ns .. 'scheduled', id)
  if kind then
    local priority = sub(start, 2, 2)
    local slot = kind .. ':' .. priority
    local tag = math.max(tonumber(call('HGET', ns .. 'vtime', slot) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. slot, group) or 0)) + 1
    call('ZADD', ns .. 'fair:' .. slot, tag, group)
    if state then call('HSET', states, id, 'q' .. sub(state, 2)) else call('SETRANGE', jobs .. id, 0, 'q') end
    call('ZADD', ns .. 'ready:' .. kind, score_of(priority, tag, state, size ~= ''), id)
    promoted[kind] = true
    if is_watched then changed('q', id, kind) end
    count((state and 'retrying:' or 'scheduled:') .. kind, -1)
  elseif start ~= '' then
    call('ZADD', ns .. 'scheduled', now + 60000, id) -- of another version: it stays where it is, and out of the way
  end
end
if #due == LIMIT then reply[3] = 1 end

if now >= grace_until then
  local expired = call('ZRANGEBYSCORE', ns .. 'leased', '-inf', now, 'LIMIT', 0, LIMIT)
  local expired_states, again = states_of(expired), 0
  for at, id in ipairs(expired) do
    if bytes > MAX_BYTES or expired_states[at] == nil then reply[3] = 1; break end
    local text = call('GET', jobs .. id)
    if text then lease_job(id, text, expired_states[at], true) else call('ZREM', ns .. 'leased', id) end
    if expired_states[at] and sub(expired_states[at], 4, 4) ~= '0' then again = again + 1 end
  end
  if again > 0 then lose_again(again) end
  if #expired == LIMIT then reply[3] = 1 end
end

-- Whether a job has to wait because enough of those that lost one lease have begun.
local function is_put_off(id)
  local state = together and call('HGET', states, id)
  if not state or sub(state, 4, 4) ~= '1' then return false end
  lost_once = lost_once + 1
  return lost_once > together
end

-- Jobs of a range of `ready`, up to n, each where it would stand if there were no ranges, and up to the one whose payload there is no room for.
local function add_range(turns, ready, from, to, n)
  local found = n > 0 and call('ZRANGEBYSCORE', ready, from, to, 'WITHSCORES', 'LIMIT', 0, together and n + LIMIT or n) or {}
  for i = 1, #found, 2 do
    if n == 0 then return end
    local size = tonumber(found[i + 1]) >= SUSPECTS and size_of(start_of(found[i])) or 0
    if size > 0 and size > room and not is_empty then return end
    if not is_put_off(found[i]) then
      if size > 0 then room, is_empty = room - size, false end
      turns[#turns + 1] = { id = found[i], turn = found[i + 1] % SUSPECTS, nth = #turns, size = size }
      n = n - 1
    end
  end
end

-- The ids of a type whose turn it is, n at most, where some of them are suspects or have large payloads.
local function next_turns(ready, n)
  local turns, ids = {}, {}
  add_range(turns, ready, SUSPECTS, LARGE - 1, math.min(n, suspects))
  add_range(turns, ready, LARGE, '+inf', math.min(n, 50))
  add_range(turns, ready, '-inf', SUSPECTS - 1, n)
  table.sort(turns, function(one, other) return one.turn < other.turn or one.turn == other.turn and one.nth < other.nth end)
  for i, of in ipairs(turns) do
    if i <= n then ids[i] = of.id else room = room + of.size end
  end
  return ids
end

-- Drops what is known of groups whose last job has had its turn: of so many a call, as each claim brings fewer than that.
local function drop_passed(fair, tag)
  local passed = math.min(call('ZCOUNT', fair, '-inf', tag), LIMIT)
  if passed > 0 then call('ZREMRANGEBYRANK', fair, 0, passed - 1) end
end

local free = { io = tonumber(ARGV[6]), cpu = tonumber(ARGV[7]) }
for at = 11, #ARGV, 3 do
  local kind, lane = ARGV[at], ARGV[at + 2]
  local n = paused[kind] and 0 or math.min(tonumber(ARGV[at + 1]), free[lane], LIMIT)
  local ready, got, taken, top, before = ns .. 'ready:' .. kind, 0, 0, {}, #leased
  local back = call('ZRANGE', ready, -1, -1, 'WITHSCORES') -- tells whether any wait, and whether there are ranges
  local has_ranges, ids = together or tonumber(back[2] or 0) >= SUSPECTS, {}
  if n > 0 and back[1] and bytes <= MAX_BYTES then
    ids = has_ranges and next_turns(ready, n) or call('ZRANGE', ready, 0, n - 1)
  end
  local known, last, last_priority = states_of(ids), nil, nil
  for i, id in ipairs(ids) do
    if bytes > MAX_BYTES or known[i] == nil then break end
    taken = i
    local text, state = call('GET', jobs .. id), known[i]
    if text then
      if is_suspect(state) then suspects = suspects - 1 end
      lease_job(id, text, state, false)
      got = got + 1
      local priority = sub(text, 2, 2)
      if last and priority ~= last_priority then top[9 - last_priority] = call('ZSCORE', ready, last) end
      last, last_priority = id, priority
    end
  end
  if last then top[9 - last_priority] = call('ZSCORE', ready, last) end
  local is_left = back[1] ~= ids[taken]
  if has_ranges then
    if taken > 0 then call('ZREM', ready, unpack(ids, 1, taken)) end
    is_left = call('EXISTS', ready) == 1
  elseif taken > 0 then
    call('ZREMRANGEBYRANK', ready, 0, taken - 1)
  end
  if is_watched then
    for i = before + 2, #leased, 2 do changed('r', leased[i], kind) end
  end
  for band, score in pairs(top) do
    local slot, tag = kind .. ':' .. (9 - band), score % SUSPECTS - band * BAND
    if tag > tonumber(call('HGET', ns .. 'vtime', slot) or 0) then call('HSET', ns .. 'vtime', slot, tag) end -- one of the other ranges comes later than its tag
    if waits(ready, band * BAND) then drop_passed(ns .. 'fair:' .. slot, tag)
    else call('UNLINK', ns .. 'fair:' .. slot) end -- nobody waits: no tag says anything
  end
  free[lane] = free[lane] - got
  if got > 0 then count('running:' .. kind, got) end
  if taken > 0 and is_left then reply[3] = 1 end
  if seq == '0000000000' then call('DEL', ns .. 'idle:' .. kind) end -- a replica that starts leaves out who died: whoever lives stands there again within a second
  if is_left and not paused[kind] and (got == n or has_ranges and got > 0) then wake(kind) end -- another may have slots, and room, for what is left
  call(got < n and 'SADD' or 'SREM', ns .. 'idle:' .. kind, replica)
  promoted[kind] = nil
end

for kind in pairs(promoted) do wake(kind) end -- of types that the caller does not run
for i = 1, #leased, 1000 do
  local last = math.min(i + 999, #leased)
  call('ZADD', ns .. 'leased', unpack(leased, i, last))
  call('HSET', states, unpack(heads, i, last))
end
if #remembered > 1 then call('SET', ns .. 'claim:' .. replica, table.concat(remembered), 'PX', lease) end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
local next_due = call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')
reply[2] = tonumber(next_due[2] or 0)
flush()
announce()
return reply
