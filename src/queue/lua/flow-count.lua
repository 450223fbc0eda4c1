#!lua flags=allow-oom
-- Counts jobs of a node that have ended, and whose ends no script has counted. A repeat changes nothing.
-- KEYS: 1 namespace
-- ARGV: 1 the flow · 2 the index of the node · 3 to 5 how many completed, failed, cancelled jobs it counted when the caller read
--       it · 6 to 8 how many more there are of each · 9 the first that failed · 10 the first that was cancelled; or "" · then
--       what the flow keeps: "r" and a result, or "e" and an error
-- Returns: 1 if this call has counted them, else 0; then 1 if there is work for a replica, else 0
local flows = open_flows()
local function by_verdict(at)
  return { [COMPLETED] = tonumber(ARGV[at]), [FAILED] = tonumber(ARGV[at + 1]), [CANCELLED] = tonumber(ARGV[at + 2]) }
end
local first = { [FAILED] = ARGV[9], [CANCELLED] = ARGV[10] }
local is_counted = flows.count_late(ARGV[1], 'n' .. ARGV[2], by_verdict(3), by_verdict(6), first, { unpack(ARGV, 11) })
local has_work = flows.finish()
announce()
return { is_counted and 1 or 0, has_work and 1 or 0 }
