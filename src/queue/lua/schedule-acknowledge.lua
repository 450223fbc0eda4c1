#!lua flags=allow-oom
-- Forgets the oldest runs, which Postgres has. Runs are added behind them, so these are the ones that the caller has
-- read while both ends are the same. Otherwise nothing changes: somebody else has forgotten some, or a Redis that took
-- over lacks the last ones, and has others instead.
-- KEYS: 1 namespace
-- ARGV: 1 the oldest of the runs, as the caller has read it · 2 the newest · 3 how many they are
-- Returns: 1, or 0 if nothing has changed
local pending = KEYS[1] .. 'pending_runs'
if redis.call('LINDEX', pending, 0) ~= ARGV[1] or redis.call('LINDEX', pending, ARGV[3] - 1) ~= ARGV[2] then return 0 end
redis.call('LTRIM', pending, ARGV[3], -1)
return 1
