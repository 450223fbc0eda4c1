-- Decides for each attempt whether its destination takes it now, for all replicas together; see destinations.ts.
-- KEYS: 1 namespace
-- ARGV: for each attempt: destination, an id, how long it may take (ms), attempts at once, attempts a second (0: no limit)
-- Returns: now (ms), then for each attempt 0 when it may go, else in how many ms to come back: less than 0 where the host is in trouble
local ns, call = KEYS[1], redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local START, OPEN_PACE, LEAST, MOST = 10, 20, 100, 30000 -- window of a new destination · ms between returns to an open one · of a wait beyond that
local FAILURES = 5 -- in a row, as in report.lua: the host is in trouble until it answers again
local KEEP, KEEP_TROUBLE = 120000, 900000 -- how long what is known is remembered after the last attempt

local function is_full(held, window)
  if call('ZCARD', held) < window then return false end
  for _, member in ipairs(call('ZRANGE', held, 0, 9)) do -- a replica that has died tells no end of its visits
    if call('EXISTS', ns .. 'replica:' .. string.match(member, ':(........)')) == 0 then call('ZREM', held, member) end
  end
  return call('ZCARD', held) >= window
end

local function admit(host, id, ttl, most, rate)
  local key, held = ns .. 'dest:' .. host, ns .. 'held:' .. host
  local known = call('HMGET', key, 'window', 'open_until', 'duration', 'tail', 'next', 'failures')
  local window = math.max(1, math.floor(math.min(tonumber(known[1] or START), most)))
  local open_until, duration, next_at = tonumber(known[2] or 0), tonumber(known[3] or 500), tonumber(known[5] or 0)
  call('ZREMRANGEBYSCORE', held, '-inf', now)
  local from, pace = now + LEAST, nil
  if now < open_until then
    from, pace = open_until, OPEN_PACE
  elseif is_full(held, window) then
    local age = now - string.match(call('ZRANGE', held, 0, 0)[1], '^%d+')
    -- As fast as a window can take them that has grown by the time they come; but one that hangs takes at least as long as it has.
    pace = age <= 4 * duration and duration / math.min(most, 4 * window) or age / window
  elseif rate > 0 and next_at - now > 1000 - 1000 / rate then -- a second's worth may come at once (GCRA: ITU-T I.371)
    pace = 1000 / rate
  end
  if not pace then
    call('ZADD', held, now + ttl, string.format('%.0f:%s', now, id))
    call('PEXPIRE', held, math.max(ttl, call('PTTL', held)))
    if rate > 0 then call('HSET', key, 'next', math.max(next_at, now) + 1000 / rate) end
    if known[1] or rate > 0 then call('PEXPIRE', key, math.max(KEEP, call('PTTL', key))) end
    return 0
  end
  local tail = math.max(tonumber(known[4] or 0), from) + pace -- they come back one after the other
  if tail > now + MOST then tail = from + pace end -- or, where that would take too long, in several rounds
  call('HSET', key, 'tail', tail)
  call('PEXPIRE', key, KEEP_TROUBLE)
  local wait = math.ceil(tail - now)
  return tonumber(known[6] or 0) < FAILURES and wait or -wait
end

local reply = { now }
for at = 1, #ARGV, 5 do
  reply[#reply + 1] = admit(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
end
return reply
