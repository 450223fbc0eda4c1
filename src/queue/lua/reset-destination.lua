#!lua flags=allow-oom
-- Closes the breakers of a host and of its routes, as if none of its visits had failed (destinations.ts). Its visits
-- under way still count, and so does its limit of visits a second.
-- KEYS: 1 namespace
-- ARGV: 1 host
-- Returns: 1, or 0 if the host is not listed
local host = ARGV[1]
if not call('ZSCORE', ns .. 'destinations', host) then return 0 end
call('HDEL', ns .. 'dest:' .. host, 'window', 'failures', 'since', 'open_until', 'open_for', 'tail', 'probe', 'probe_until', 'probed_by')
local routes = ns .. 'routes:' .. host
for _, route in ipairs(call('ZRANGE', routes, 0, -1)) do call('UNLINK', ns .. 'dest:' .. route) end
call('UNLINK', routes, ns .. 'turns:' .. host)
return 1
