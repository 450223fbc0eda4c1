#!lua flags=allow-oom
-- Forgets the oldest runs, which Postgres has. Runs are added behind them, so these are the ones that the caller has
-- read while the oldest is the same; otherwise somebody else has forgotten some, and nothing changes.
-- KEYS: 1 namespace
-- ARGV: 1 the oldest run, as the caller has read it · 2 how many runs
-- Returns: 1, or 0 if nothing has changed
local pending = KEYS[1] .. 'pending_runs'
if redis.call('LINDEX', pending, 0) ~= ARGV[1] then return 0 end
redis.call('LTRIM', pending, ARGV[2], -1)
return 1
