#!lua flags=allow-oom
-- Takes how attempts at destinations went; see destinations.ts.
-- KEYS: 1 namespace
-- ARGV: for each attempt: destination, its member in held (when it began, ":", its id), attempts at once, "up" | "busy" | "down" | "unknown"
-- Returns: how many destinations it opened
local ns, call = KEYS[1], redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local START, FAILURES, OPEN_LEAST, OPEN_MOST = 10, 5, 1000, 60000 -- failures in a row that open · ms that it stays open
local KEEP, KEEP_TROUBLE = 120000, 900000
local opened = 0

local function report(host, member, most, sign)
  local key, held = ns .. 'dest:' .. host, ns .. 'held:' .. host
  local is_news = call('ZREM', held, member) == 1 -- else it was told before, and the answer was lost; or its time is over
  if not is_news or sign == 'unknown' then return end
  local known = call('HMGET', key, 'window', 'open_until', 'duration', 'failures', 'open_for', 'tail')
  local window, failures = tonumber(known[1] or START), tonumber(known[4] or 0)
  if sign == 'up' then
    local began = tonumber(string.match(member, '^%d+'))
    local took = now - began
    if window < START or tonumber(known[6] or 0) > began then window = window + 1 end -- beyond START only where it was too small: no credit for what is not used
    window = math.min(most, window)
    call('HSET', key, 'window', window, 'duration', known[3] and 0.8 * known[3] + 0.2 * took or took)
    if failures > 0 then call('HDEL', key, 'failures', 'open_until', 'tail') end
    if window >= math.min(START, most) and known[5] then call('HDEL', key, 'open_for') end -- until then, the next opening is longer than the last
    if not known[3] then call('HSET', key, 'tail', now + 1) end -- until now it was guessed
    call('PEXPIRE', key, KEEP)
    return
  end
  window = math.max(1, math.floor(math.min(window, most) / 2))
  if sign == 'down' then
    failures = failures + 1
    if failures >= FAILURES and now >= tonumber(known[2] or 0) then
      local open_for = math.min(OPEN_MOST, math.max(OPEN_LEAST, 2 * tonumber(known[5] or 0)))
      window = 1 -- the first one after that is a probe
      call('HSET', key, 'open_until', now + open_for, 'open_for', open_for, 'tail', 0)
      opened = opened + 1
    end
    call('HSET', key, 'failures', failures)
  end
  call('HSET', key, 'window', window)
  call('PEXPIRE', key, KEEP_TROUBLE)
end

for at = 1, #ARGV, 4 do report(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]) end
return opened
