#!lua flags=allow-oom
-- The atomic dequeue: promotes what is due, re-leases what was lost, and leases up to n jobs of each type to one replica.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 seq (a repeat of the last one gets the same jobs again) · 3 lease (ms) · 4 suspects that may start (0 or 1) ·
--       5 free slots of lane io · 6 of lane cpu · then for each type the replica runs: type, its own free slots, lane
-- Returns: now (ms), when to look again (ms; 0 when nothing is planned), 1 if another call would find more at once, else 0;
--          then for each job one text: "+" claimed or "-" lost ("=" lost, in a repeated answer), id, value
--          (the head as rewritten; that of "-" as it was)
local ns, replica, seq, lease, suspects = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local BAND, LIMIT, MAX_BYTES = 281474976710656, 1000, 8 * 1024 * 1024 -- a priority's range of tags · bounded work and bytes for one call
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token = replica .. string.format('%010d', seq)
local reply, leased, remembered, counts, promoted, bytes = { now, 0, 0 }, {}, {}, {}, {}, 0

local function wake(kind)
  for _ = 1, 8 do -- a replica that hears nothing any more is passed over
    local idle = redis.call('SPOP', ns .. 'idle:' .. kind)
    if not idle or redis.call('PUBLISH', ns .. 'to:' .. idle, 'wake') > 0 then break end
  end
end

local function count(field, by) counts[field] = (counts[field] or 0) + by end

local function lease_job(id, value, lost)
  local attempt = tonumber(string.sub(value, 3, 4)) + (lost and 0 or 1)
  local crashes = math.min(9, tonumber(string.sub(value, 5, 5)) + (lost and 1 or 0))
  local head = string.format('r%s%02d%d%s---%013.0f%s', string.sub(value, 2, 2), attempt, crashes, string.sub(value, 6, 8), now, token)
  redis.call('SETRANGE', ns .. 'j:' .. id, 0, head)
  leased[#leased + 1] = now + lease; leased[#leased + 1] = id
  remembered[#remembered + 1] = (lost and '-' or '+') .. id
  reply[#reply + 1] = lost and '-' .. id .. value or '+' .. id .. head .. string.sub(value, 43)
  bytes = bytes + #value
end

local last_claim = redis.call('GET', ns .. 'claim:' .. replica)
if last_claim and string.match(last_claim, '^%S+') == seq then -- the answer was lost on its way: the same jobs again
  for mark, id in string.gmatch(last_claim, ' ([+-])(%S+)') do
    local value = redis.call('GET', ns .. 'j:' .. id)
    if value and string.sub(value, 1, 1) == 'r' and string.sub(value, 25, 42) == token then
      reply[#reply + 1] = (mark == '-' and '=' or '+') .. id .. value
    end
  end
  return reply
end

-- Redis was away, or nobody claimed: leases that ran out meanwhile say nothing, so none is taken as lost for one lease.
local clock = redis.call('HMGET', ns .. 'clock', 'claimed_at', 'grace_until')
local grace_until = tonumber(clock[2] or 0)
if clock[1] and now - tonumber(clock[1]) > lease / 3 then grace_until = now + lease end
redis.call('HSET', ns .. 'clock', 'claimed_at', now, 'grace_until', grace_until)

local due = redis.call('ZRANGEBYSCORE', ns .. 'scheduled', '-inf', now, 'LIMIT', 0, LIMIT)
for _, id in ipairs(due) do
  local start = redis.call('GETRANGE', ns .. 'j:' .. id, 0, 1023) -- holds the type and the group: both are bounded
  local kind, group = string.match(start, '^([%w_]+)|%d+|([^|]*)|', 43)
  redis.call('ZREM', ns .. 'scheduled', id)
  if kind then
    local priority = string.sub(start, 2, 2)
    local slot = kind .. ':' .. priority
    local tag = math.max(tonumber(redis.call('HGET', ns .. 'vtime', slot) or 0), tonumber(redis.call('ZSCORE', ns .. 'fair:' .. slot, group) or 0)) + 1
    redis.call('ZADD', ns .. 'fair:' .. slot, tag, group)
    redis.call('SETRANGE', ns .. 'j:' .. id, 0, 'q')
    redis.call('ZADD', ns .. 'ready:' .. kind, (9 - tonumber(priority)) * BAND + tag, id)
    promoted[kind] = true
    count((string.sub(start, 1, 1) == 't' and 'retrying:' or 'scheduled:') .. kind, -1)
  end
end
if #due == LIMIT then reply[3] = 1 end

if now >= grace_until then
  local expired = redis.call('ZRANGEBYSCORE', ns .. 'leased', '-inf', now, 'LIMIT', 0, LIMIT)
  for _, id in ipairs(expired) do
    if bytes > MAX_BYTES then reply[3] = 1; break end
    local value = redis.call('GET', ns .. 'j:' .. id)
    if value then lease_job(id, value, true) else redis.call('ZREM', ns .. 'leased', id) end
  end
  if #expired == LIMIT then reply[3] = 1 end
end

local free = { io = tonumber(ARGV[5]), cpu = tonumber(ARGV[6]) }
for at = 7, #ARGV, 3 do
  local kind, lane = ARGV[at], ARGV[at + 2]
  local n = math.min(tonumber(ARGV[at + 1]), free[lane])
  local ready, aside, got, examined, top = ns .. 'ready:' .. kind, {}, 0, 0, {}
  while got < n and examined < LIMIT and bytes <= MAX_BYTES do
    local popped = redis.call('ZPOPMIN', ready, n - got)
    if #popped == 0 then break end
    for i = 1, #popped, 2 do
      local id, score = popped[i], popped[i + 1]
      local value = bytes <= MAX_BYTES and redis.call('GET', ns .. 'j:' .. id)
      local is_suspect = value and string.sub(value, 5, 5) ~= '0'
      examined = examined + 1
      if bytes > MAX_BYTES or (is_suspect and suspects == 0) then
        aside[#aside + 1] = score; aside[#aside + 1] = id
      elseif value then
        if is_suspect then suspects = suspects - 1 end
        lease_job(id, value, false)
        got = got + 1
        local band = math.floor(tonumber(score) / BAND)
        top[band] = tonumber(score) - band * BAND
      end
    end
  end
  if #aside > 0 then redis.call('ZADD', ready, unpack(aside)) end -- at most 2 · (LIMIT + n)
  for band, tag in pairs(top) do
    local slot = kind .. ':' .. (9 - band)
    if tag > tonumber(redis.call('HGET', ns .. 'vtime', slot) or 0) then redis.call('HSET', ns .. 'vtime', slot, tag) end -- a suspect comes later than its tag
    local waits = redis.call('ZCOUNT', ready, band * BAND, (band + 1) * BAND - 1) > 0
    redis.call('ZREMRANGEBYSCORE', ns .. 'fair:' .. slot, '-inf', waits and tag or '+inf') -- where nobody waits, no tag says anything
  end
  free[lane] = free[lane] - got
  if got > 0 then count('running:' .. kind, got) end
  local is_left = redis.call('ZCARD', ready) > 0
  if got > 0 and is_left then reply[3] = 1 end
  if got < n then
    redis.call('SADD', ns .. 'idle:' .. kind, replica)
  else
    redis.call('SREM', ns .. 'idle:' .. kind, replica)
    if is_left then wake(kind) end
  end
  promoted[kind] = nil
end

for kind in pairs(promoted) do wake(kind) end -- of types that the caller does not run
for i = 1, #leased, 1000 do redis.call('ZADD', ns .. 'leased', unpack(leased, i, math.min(i + 999, #leased))) end
if #remembered > 0 then redis.call('SET', ns .. 'claim:' .. replica, seq .. ' ' .. table.concat(remembered, ' '), 'PX', lease) end
for field, by in pairs(counts) do redis.call('HINCRBY', ns .. 'counts', field, by) end
local next_due = redis.call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')
reply[2] = tonumber(next_due[2] or 0)
return reply
