#!lua flags=allow-oom
-- Renews visits of destinations that are still under way (destinations.ts). An expired visit counts again.
-- KEYS: 1 namespace
-- ARGV: 1 not_after (ms): later than that the script changes nothing
--       2 how long the visits count without another renewal (ms)
--       then for each visit: host, route, its id
-- Returns: 1, or 0 if the call came too late
if is_late(ARGV[1]) then return 0 end
for at = 3, #ARGV, 3 do
  begin_visit(ARGV[at], ARGV[at + 2], tonumber(ARGV[2]))
  begin_visit(ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[2]))
end
return 1
