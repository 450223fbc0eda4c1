#!lua flags=allow-oom
-- Holds visits of destinations on that are still under way; see destinations.ts. One that is not held (any more) is held from now on.
-- KEYS: 1 namespace
-- ARGV: 1 not after (ms): run later than this, it changes nothing · 2 for how long (ms) · then for each visit: host, route, its id
-- Returns: 1, or 0 where it came too late
if is_late(ARGV[1]) then return 0 end
for at = 3, #ARGV, 3 do
  hold(ARGV[at], ARGV[at + 2], tonumber(ARGV[2]))
  hold(ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[2]))
end
return 1
