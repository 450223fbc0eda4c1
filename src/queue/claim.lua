#!lua flags=allow-oom
-- The atomic dequeue: promotes what is due, re-leases what was lost, and leases up to n jobs of each type to one replica.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 seq (a repeat of the last one gets the same jobs again) · 3 lease (ms) · 4 suspects that may start (0 or 1) ·
--       5 free slots of lane io · 6 of lane cpu · then for each type the replica runs: type, its own free slots, lane
-- Returns: now (ms), when to look again (ms; 0 when nothing is planned), 1 if another call would find more at once, else 0, 1 if this is
--          a repeat, else 0; then texts of some 64 KiB that hold jobs: "+" claimed or "-" lost, id, value, character 30
--          (the value as it was before this call; in a repeat as it is)
local ns, replica, seq, lease, suspects = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local BAND, LIMIT, MAX_BYTES = 281474976710656, 1000, 8 * 1024 * 1024 -- a priority's range of tags · bounded work and bytes for one call
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token = replica .. string.format('%010d', seq)
local call, sub = redis.call, string.sub
local jobs = ns .. 'j:'
local reply, leased, remembered, counts, promoted, bytes = { now, 0, 0, 0 }, {}, { seq }, {}, {}, 0
local texts, text_bytes = {}, 0

local function flush()
  if #texts > 0 then reply[#reply + 1] = table.concat(texts) end
  texts, text_bytes = {}, 0
end

local function hand_over(mark, id, value)
  local n = #texts
  texts[n + 1] = mark; texts[n + 2] = id; texts[n + 3] = value; texts[n + 4] = '\30' -- no line of a job holds it
  bytes = bytes + #value
  text_bytes = text_bytes + #value
  if text_bytes > 65536 then flush() end -- small enough that one long job does not keep much more than itself in the caller's memory
end

local function wake(kind)
  for _ = 1, 8 do -- a replica that hears nothing any more is passed over
    local idle = redis.call('SPOP', ns .. 'idle:' .. kind)
    if not idle or redis.call('PUBLISH', ns .. 'to:' .. idle, 'wake') > 0 then break end
  end
end

local function count(field, by) counts[field] = (counts[field] or 0) + by end

local leased_heads, lost_heads = {}, {} -- by what a head was before: most are alike
local suffix, until_text = string.format('---%013.0f', now) .. token, string.format('%.0f', now + lease) -- a number would be written anew for each job

local function head_of(before, lost)
  local attempt = tonumber(sub(before, 3, 4)) + (lost and 0 or 1)
  local crashes = math.min(9, tonumber(sub(before, 5, 5)) + (lost and 1 or 0))
  return string.format('r%s%02d%d%s', sub(before, 2, 2), attempt, crashes, sub(before, 6, 8)) .. suffix
end

local function lease_job(id, value, lost)
  local heads, before = lost and lost_heads or leased_heads, sub(value, 1, 8)
  local head = heads[before]
  if not head then head = head_of(before, lost); heads[before] = head end
  call('SETRANGE', jobs .. id, 0, head)
  local n = #leased
  leased[n + 1] = until_text; leased[n + 2] = id
  n = #remembered
  remembered[n + 1] = lost and ' -' or ' +'; remembered[n + 2] = id
  hand_over(lost and '-' or '+', id, value)
end

local last_claim = call('GET', ns .. 'claim:' .. replica)
if last_claim and string.match(last_claim, '^%S+') == seq then -- the answer was lost on its way: the same jobs again
  reply[4] = 1
  for mark, id in string.gmatch(last_claim, ' ([+-])(%S+)') do
    local value = call('GET', jobs .. id)
    if value and sub(value, 1, 1) == 'r' and sub(value, 25, 42) == token then hand_over(mark, id, value) end
  end
  flush()
  return reply
end

-- Redis was away, or nobody claimed: leases that ran out meanwhile say nothing, so none is taken as lost for one lease.
local clock = call('HMGET', ns .. 'clock', 'claimed_at', 'grace_until')
local grace_until = tonumber(clock[2] or 0)
if clock[1] and now - tonumber(clock[1]) > lease / 3 then grace_until = now + lease end
call('HSET', ns .. 'clock', 'claimed_at', now, 'grace_until', grace_until)

local paused = {}
for _, kind in ipairs(call('SMEMBERS', ns .. 'paused')) do paused[kind] = true end

local due = call('ZRANGEBYSCORE', ns .. 'scheduled', '-inf', now, 'LIMIT', 0, LIMIT)
for _, id in ipairs(due) do
  local start = call('GETRANGE', jobs .. id, 0, 1023) -- holds the type and the group: both are bounded
  local kind, group = string.match(start, '^([%w_]+)|%d+|([^|]*)|', 43)
  call('ZREM', ns .. 'scheduled', id)
  if kind then
    local priority = sub(start, 2, 2)
    local slot = kind .. ':' .. priority
    local tag = math.max(tonumber(call('HGET', ns .. 'vtime', slot) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. slot, group) or 0)) + 1
    call('ZADD', ns .. 'fair:' .. slot, tag, group)
    call('SETRANGE', jobs .. id, 0, 'q')
    call('ZADD', ns .. 'ready:' .. kind, (9 - tonumber(priority)) * BAND + tag, id)
    promoted[kind] = true
    if is_watched then changed('q', id, kind) end
    count((sub(start, 1, 1) == 't' and 'retrying:' or 'scheduled:') .. kind, -1)
  end
end
if #due == LIMIT then reply[3] = 1 end

if now >= grace_until then
  local expired = call('ZRANGEBYSCORE', ns .. 'leased', '-inf', now, 'LIMIT', 0, LIMIT)
  for _, id in ipairs(expired) do
    if bytes > MAX_BYTES then reply[3] = 1; break end
    local value = call('GET', jobs .. id)
    if value then lease_job(id, value, true) else call('ZREM', ns .. 'leased', id) end
  end
  if #expired == LIMIT then reply[3] = 1 end
end

local free = { io = tonumber(ARGV[5]), cpu = tonumber(ARGV[6]) }
for at = 7, #ARGV, 3 do
  local kind, lane = ARGV[at], ARGV[at + 2]
  local n = paused[kind] and 0 or math.min(tonumber(ARGV[at + 1]), free[lane])
  local ready, aside, got, examined, top, band, band_end, before = ns .. 'ready:' .. kind, {}, 0, 0, {}, 0, 0, #leased -- lowest score first, so bands come in their order
  while got < n and examined < LIMIT and bytes <= MAX_BYTES do
    local popped = call('ZPOPMIN', ready, n - got)
    if #popped == 0 then break end
    for i = 1, #popped, 2 do
      local id, score = popped[i], popped[i + 1]
      local value = bytes <= MAX_BYTES and call('GET', jobs .. id)
      local is_suspect = value and sub(value, 5, 5) ~= '0'
      examined = examined + 1
      if bytes > MAX_BYTES or (is_suspect and suspects == 0) then
        aside[#aside + 1] = score; aside[#aside + 1] = id
      elseif value then
        if is_suspect then suspects = suspects - 1 end
        lease_job(id, value, false)
        got = got + 1
        local number = tonumber(score)
        if number >= band_end then band = math.floor(number / BAND); band_end = (band + 1) * BAND end
        top[band] = number - band * BAND
      end
    end
  end
  if is_watched then
    for i = before + 2, #leased, 2 do changed('r', leased[i], kind) end
  end
  if #aside > 0 then call('ZADD', ready, unpack(aside)) end -- at most 2 · (LIMIT + n)
  for band, tag in pairs(top) do
    local slot = kind .. ':' .. (9 - band)
    if tag > tonumber(call('HGET', ns .. 'vtime', slot) or 0) then call('HSET', ns .. 'vtime', slot, tag) end -- a suspect comes later than its tag
    local waits = call('ZCOUNT', ready, band * BAND, (band + 1) * BAND - 1) > 0
    call('ZREMRANGEBYSCORE', ns .. 'fair:' .. slot, '-inf', waits and tag or '+inf') -- where nobody waits, no tag says anything
  end
  free[lane] = free[lane] - got
  if got > 0 then count('running:' .. kind, got) end
  local is_left = call('ZCARD', ready) > 0
  if got > 0 and is_left then reply[3] = 1 end
  if got < n then
    call('SADD', ns .. 'idle:' .. kind, replica)
  else
    call('SREM', ns .. 'idle:' .. kind, replica)
    if is_left and not paused[kind] then wake(kind) end
  end
  promoted[kind] = nil
end

for kind in pairs(promoted) do wake(kind) end -- of types that the caller does not run
for i = 1, #leased, 1000 do call('ZADD', ns .. 'leased', unpack(leased, i, math.min(i + 999, #leased))) end
if #remembered > 1 then call('SET', ns .. 'claim:' .. replica, table.concat(remembered), 'PX', lease) end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
local next_due = call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')
reply[2] = tonumber(next_due[2] or 0)
flush()
announce()
return reply
