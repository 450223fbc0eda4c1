#!lua flags=no-writes,allow-oom
-- The state of hosts that visits were sent to lately (destinations.ts).
-- KEYS: 1 namespace
-- ARGV: 1 the number of hosts to skip · 2 the most hosts to return; or 1 '' · 2 one host
-- Returns: now (ms), then for each host that is listed, the one used last first: host, when it was used (ms), visits
--          under way, window, failures in a row, 1 if these opened it, else 0, when it is no longer open (ms), remembered
--          routes, visits that wait for their time to return
local hosts, reply = ns .. 'destinations', { now }
local listed
if ARGV[1] == '' then
  local used = call('ZSCORE', hosts, ARGV[2])
  listed = used and { ARGV[2], used } or {}
else
  listed = call('ZRANGE', hosts, ARGV[1], ARGV[1] + ARGV[2] - 1, 'REV', 'WITHSCORES')
end
for at = 1, #listed, 2 do
  local host, used = listed[at], math.min(now, tonumber(listed[at + 1]))
  if now - used <= KEEP_TROUBLE then
    local h = known_of(host)
    local window = math.max(1, math.floor(h.window))
    local in_flight = call('ZCOUNT', ns .. 'held:' .. host, now, '+inf')
    for _, value in ipairs({ host, used, in_flight, window, h.failures, h.failures >= FAILURES and 1 or 0, h.open_until, call('ZCARD', ns .. 'routes:' .. host), call('ZCOUNT', ns .. 'waiting:' .. host, now, now + KEEP) }) do
      reply[#reply + 1] = value
    end
  end
end
return reply
