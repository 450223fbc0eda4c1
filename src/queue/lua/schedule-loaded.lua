#!lua
-- Notes that Redis has a working copy of every schedule, unless Redis was emptied, or another replica began to load
-- them, since the caller began.
-- KEYS: 1 namespace
-- ARGV: 1 what the caller stored under "schedules_loading" when it began
-- Returns: 1, or 0 if nothing has changed
local ns, call = KEYS[1], redis.call
if call('GET', ns .. 'schedules_loading') ~= ARGV[1] then return 0 end
call('SET', ns .. 'schedules_loaded', '')
call('DEL', ns .. 'schedules_loading')
return 1
