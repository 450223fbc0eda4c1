#!lua flags=allow-oom
-- The atomic dequeue: promotes due jobs, re-leases lost ones, and leases up to n jobs of each type to one replica.
-- KEYS: 1 namespace
-- ARGV: 1 replica
--       2 claim number, 10 characters: a repeat of the last one gets the same jobs again
--       3 lease (ms)
--       4 not_after (ms): later than that nothing changes: the replica no longer waits, and would not run the jobs
--       5 poison candidates that may start (0 or 1)
--       6 free slots of lane io
--       7 free slots of lane cpu
--       8 bytes of large payloads that the replica has room for
--       9 1 if the replica has no large payload: then the first may be larger than the room; else 0
--       10 how many jobs that lost one lease it has started recently
--       then for each type that the replica runs: type, free slots of the type, lane
-- Returns: now (ms), when to claim again (ms; 0 if nothing is scheduled), 1 if another call would find more at once,
--          else 0, 1 if this is a repeat, else 0; then strings of about 64 KiB that contain jobs: a code, id, packed
--          job, END_OF_JOB. Codes: "+" claimed for the first time (the packed submission), "*" claimed again, "-" lost
--          (the whole job as it was before this call; in a repeat as it is now)
local ns, replica, seq, lease, free_candidates = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local room, is_empty, lost_once = tonumber(ARGV[8]), ARGV[9] == '1', tonumber(ARGV[10])
-- Bounds one call: the caller parses its payloads in one tick of the event loop
local LIMIT, MAX_BYTES = 1000, 2 * 1024 * 1024
local CHUNK_BYTES = 65536 -- small, so that one long job retains little more than itself in the caller's memory
if is_late(ARGV[4]) then return { now, 0, 0, 0 } end
-- Formatted once: Redis would format a number for each job
local suffix, leased_until = lease_of(now, replica, seq), string.format('%.0f', now + lease)
local token = replica .. seq
local call, sub = redis.call, string.sub
local reply, leased, headers, remembered, counts, promoted, bytes = { now, 0, 0, 0 }, {}, {}, { seq }, {}, {}, 0
local chunk, chunk_bytes = {}, 0

local function flush()
  if #chunk > 0 then reply[#reply + 1] = table.concat(chunk) end
  chunk, chunk_bytes = {}, 0
end

local function hand_over(code, id, packed)
  local n = #chunk
  chunk[n + 1] = code; chunk[n + 2] = id; chunk[n + 3] = packed; chunk[n + 4] = END_OF_JOB
  bytes = bytes + #packed
  chunk_bytes = chunk_bytes + #packed
  if chunk_bytes > CHUNK_BYTES then flush() end
end

local function count(field, by) counts[field] = (counts[field] or 0) + by end

local function header_of(attempt, crashes, before)
  return string.format('%s%02d%d', RUNNING, attempt, math.min(9, crashes)) .. sub(before, DEFERRALS, CANCEL_END) .. suffix
end

local first_header = FIRST_CLAIM .. suffix

local AGAIN, LOST = ' ' .. CLAIMED_AGAIN, ' ' .. CLAIMED_LOST

local function lease_job(id, packed, state)
  local n, m = #leased, #remembered
  leased[n + 1] = leased_until; leased[n + 2] = id
  headers[n + 1] = id
  remembered[m + 1] = AGAIN; remembered[m + 2] = id
  if state then
    headers[n + 2] = header_of(sub(state, ATTEMPT, ATTEMPT_END) + 1, sub(state, CRASHES, CRASHES_END), state) .. sub(state, RECORDS)
    hand_over(CLAIMED_AGAIN, id, whole(packed, state))
  else
    headers[n + 2] = first_header
    hand_over(CLAIMED_FIRST, id, packed)
  end
end

local function lease_lost_job(id, packed, state)
  local n, m = #leased, #remembered
  local before = state or QUEUED .. UNCLAIMED
  leased[n + 1] = leased_until; leased[n + 2] = id
  headers[n + 1] = id
  headers[n + 2] = header_of(sub(before, ATTEMPT, ATTEMPT_END), sub(before, CRASHES, CRASHES_END) + 1, before) .. sub(before, RECORDS)
  remembered[m + 1] = LOST; remembered[m + 2] = id
  hand_over(CLAIMED_LOST, id, whole(packed, state))
end

-- The entries of these jobs in the hash, or false. The entry of a job with many attempts may have about 600 KB, so the
-- jobs are read in small batches, and none after the batch that fills this call.
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
if last_claim and string.match(last_claim, '^%S+') == seq then -- the reply was lost: the same jobs again
  reply[4] = 1
  for code, id in string.gmatch(last_claim, ' ([*-])(%S+)') do
    local packed, state = call('GET', jobs .. id), call('HGET', states, id)
    if packed and state and sub(state, STATE, STATE_END) == RUNNING and sub(state, TOKEN, TOKEN_END) == token then hand_over(code, id, whole(packed, state)) end
  end
  flush()
  return reply
end

-- Redis was away, its clock was set, or no replica claimed: an expired lease then does not show that its replica is
-- dead, so no lease counts as lost for the time of one lease.
local clock = call('HMGET', ns .. 'clock', 'claimed_at', 'grace_until', 'together', 'together_until', 'lease', 'retries')
local claimed_at, known_lease = tonumber(clock[1] or now), tonumber(clock[5] or 0)
local grace_until = believed(clock[2], math.max(lease, known_lease))
if math.abs(now - claimed_at) > lease / 3 then grace_until = now + lease end
call('HSET', ns .. 'clock', 'claimed_at', now, 'grace_until', grace_until)
if lease > known_lease then call('HSET', ns .. 'clock', 'lease', lease) end

-- The cursor in the retries to correct after the clock went back
local retries = now < claimed_at - 1000 and '0' or clock[6]
if retries then
  retries = bring_back_retries(retries)
  if retries == '0' then call('HDEL', ns .. 'clock', 'retries') else call('HSET', ns .. 'clock', 'retries', retries); reply[3] = 1 end
end

-- Jobs that lost one lease run together again, until one of them loses another: from then on at most `together` of them
-- start at once.
local TOGETHER_MS = 600000
local together = believed(clock[4], TOGETHER_MS) > now and tonumber(clock[3]) or nil
local function lose_again(jobs)
  together = math.max(1, math.floor((together or jobs) / 2))
  call('HSET', ns .. 'clock', 'together', together, 'together_until', now + TOGETHER_MS)
end

local paused = {}
for _, job_type in ipairs(call('SMEMBERS', ns .. 'paused')) do paused[job_type] = true end

local due = call('ZRANGEBYSCORE', ns .. 'scheduled', '-inf', now, 'LIMIT', 0, LIMIT)
local due_states = states_of(due)
for at, id in ipairs(due) do
  local start, state = start_of(id), due_states[at]
  local job_type, size, group = string.match(start, '^([%w_]+)|%d+(>?%d*)|([^|]*)|', TYPE)
  if state == nil then reply[3] = 1; break end
  call('ZREM', ns .. 'scheduled', id)
  if job_type then
    local priority = sub(start, PRIORITY, PRIORITY_END)
    local bucket = job_type .. ':' .. priority
    local vtime = math.max(tonumber(call('HGET', ns .. 'vtime', bucket) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group) or 0)) + 1
    call('ZADD', ns .. 'fair:' .. bucket, vtime, group)
    if state then call('HSET', states, id, QUEUED .. sub(state, ATTEMPT)) else call('SETRANGE', jobs .. id, 0, QUEUED) end
    call('ZADD', ns .. 'ready:' .. job_type, score_of(priority, vtime, state, size ~= ''), id)
    promoted[job_type] = true
    if is_watched then changed(QUEUED, id, job_type) end
    count((state and 'retrying:' or 'scheduled:') .. job_type, -1)
  elseif start ~= '' then
    -- Written by another version: it stays scheduled, and does not block the others
    call('ZADD', ns .. 'scheduled', now + 60000, id)
  end
end
if #due == LIMIT then reply[3] = 1 end

if now >= grace_until then
  local expired = call('ZRANGEBYSCORE', ns .. 'leased', '-inf', now, 'LIMIT', 0, LIMIT)
  local expired_states, again = states_of(expired), 0
  for at, id in ipairs(expired) do
    local state = expired_states[at]
    if bytes > MAX_BYTES or state == nil then reply[3] = 1; break end
    local packed = call('GET', jobs .. id)
    if packed then lease_lost_job(id, packed, state) else call('ZREM', ns .. 'leased', id) end
    if state and sub(state, CRASHES, CRASHES_END) ~= '0' then again = again + 1 end
  end
  if again > 0 then lose_again(again) end
  if #expired == LIMIT then reply[3] = 1 end
end

-- Whether a job has to wait because enough jobs that lost one lease have started.
local function is_put_off(id)
  local state = together and call('HGET', states, id)
  if not state or sub(state, CRASHES, CRASHES_END) ~= '1' then return false end
  lost_once = lost_once + 1
  return lost_once > together
end

-- Up to n jobs of one range of `ready`, each with its turn among the jobs of all ranges. It stops at a job
-- whose payload has no room.
local function add_range(turns, ready, from, to, n)
  local found = n > 0 and call('ZRANGEBYSCORE', ready, from, to, 'WITHSCORES', 'LIMIT', 0, together and n + LIMIT or n) or {}
  for i = 1, #found, 2 do
    if n == 0 then return end
    local size = tonumber(found[i + 1]) >= POISON_CANDIDATES and size_of(start_of(found[i])) or 0
    if size > 0 and size > room and not is_empty then return end
    if not is_put_off(found[i]) then
      if size > 0 then room, is_empty = room - size, false end
      turns[#turns + 1] = { id = found[i], turn = found[i + 1] % POISON_CANDIDATES, nth = #turns, size = size }
      n = n - 1
    end
  end
end

-- The next n ids of a type, at most, if some of them are poison candidates or have large payloads.
local function next_turns(ready, n)
  local turns, ids = {}, {}
  add_range(turns, ready, POISON_CANDIDATES, LARGE - 1, math.min(n, free_candidates))
  add_range(turns, ready, LARGE, '+inf', math.min(n, 50))
  add_range(turns, ready, '-inf', POISON_CANDIDATES - 1, n)
  table.sort(turns, function(one, other) return one.turn < other.turn or one.turn == other.turn and one.nth < other.nth end)
  for i, of in ipairs(turns) do
    if i <= n then ids[i] = of.id else room = room + of.size end
  end
  return ids
end

-- Drops groups whose last job has had its turn: at most LIMIT a call, as each claim adds fewer than that.
local function drop_passed(fair, vtime)
  local passed = math.min(call('ZCOUNT', fair, '-inf', vtime), LIMIT)
  if passed > 0 then call('ZREMRANGEBYRANK', fair, 0, passed - 1) end
end

-- Leases up to n jobs of a type. Returns how many, whether another replica may take what is left, and by band the score
-- of the last job taken.
local function claim_type(job_type, ready, n)
  local got, taken, last_scores = 0, 0, {}
  local back = call('ZRANGE', ready, -1, -1, 'WITHSCORES') -- shows whether any job waits, and whether there are ranges
  local has_ranges, ids = together or tonumber(back[2] or 0) >= POISON_CANDIDATES, {}
  if n > 0 and back[1] and bytes <= MAX_BYTES then
    ids = has_ranges and next_turns(ready, n) or call('ZRANGE', ready, 0, n - 1)
  end
  local known, last, last_priority = states_of(ids), nil, nil
  for i, id in ipairs(ids) do
    if bytes > MAX_BYTES or known[i] == nil then break end
    taken = i
    local packed, state = call('GET', jobs .. id), known[i]
    if packed then
      if is_poison_candidate(state) then free_candidates = free_candidates - 1 end
      lease_job(id, packed, state)
      got = got + 1
      local priority = sub(packed, PRIORITY, PRIORITY_END)
      if last and priority ~= last_priority then last_scores[9 - last_priority] = call('ZSCORE', ready, last) end
      last, last_priority = id, priority
    end
  end
  if last then last_scores[9 - last_priority] = call('ZSCORE', ready, last) end
  local is_left = back[1] ~= ids[taken]
  if has_ranges then
    if taken > 0 then call('ZREM', ready, unpack(ids, 1, taken)) end
    is_left = call('EXISTS', ready) == 1
  elseif taken > 0 then
    call('ZREMRANGEBYRANK', ready, 0, taken - 1)
  end
  if taken > 0 and is_left then reply[3] = 1 end
  return got, is_left and not paused[job_type] and (got == n or has_ranges and got > 0), last_scores
end

-- Moves the virtual time of a bucket on to that of its last job taken.
local function pass(job_type, ready, band, score)
  local bucket, vtime = job_type .. ':' .. (9 - band), score % POISON_CANDIDATES - band * BAND
  -- A job of another range may be late
  if vtime > tonumber(call('HGET', ns .. 'vtime', bucket) or 0) then call('HSET', ns .. 'vtime', bucket, vtime) end
  if waits(ready, band * BAND) then drop_passed(ns .. 'fair:' .. bucket, vtime)
  else call('UNLINK', ns .. 'fair:' .. bucket) end -- no job waits, so the order of groups is void
end

local IS_FIRST_CLAIM = not string.find(seq, '[^0]')
local free = { io = tonumber(ARGV[6]), cpu = tonumber(ARGV[7]) }
for at = 11, #ARGV, 3 do
  local job_type, lane = ARGV[at], ARGV[at + 2]
  local n = paused[job_type] and 0 or math.min(tonumber(ARGV[at + 1]), free[lane], LIMIT)
  local ready, idle, before = ns .. 'ready:' .. job_type, ns .. 'idle:' .. job_type, #leased
  local got, is_work_left, last_scores = claim_type(job_type, ready, n)
  if is_watched then
    for i = before + 2, #leased, 2 do changed(RUNNING, leased[i], job_type) end
  end
  for band, score in pairs(last_scores) do pass(job_type, ready, band, score) end
  free[lane] = free[lane] - got
  if got > 0 then count('running:' .. job_type, got) end
  -- The set may name dead replicas; live ones add themselves again within a second
  if IS_FIRST_CLAIM then call('DEL', idle) end
  if is_work_left then wake(job_type) end -- another replica may have slots, and room, for it
  call(got < n and 'SADD' or 'SREM', idle, replica)
  promoted[job_type] = nil
end

for job_type in pairs(promoted) do wake(job_type) end -- of types that the caller does not run
for i = 1, #leased, 1000 do
  local last = math.min(i + 999, #leased)
  call('ZADD', ns .. 'leased', unpack(leased, i, last))
  call('HSET', states, unpack(headers, i, last))
end
if #remembered > 1 then call('SET', ns .. 'claim:' .. replica, table.concat(remembered), 'PX', lease) end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
local next_due = call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')
reply[2] = tonumber(next_due[2] or 0)
flush()
announce()
return reply
