#!lua flags=allow-oom
-- Continues what earlier calls did not finish for flows.
-- KEYS: 1 namespace
-- ARGV: ids of flows
-- Returns: 1, and 1 if there is work for a replica, else 0
local flows = open_flows()
for _, flow in ipairs(ARGV) do flows.resume(flow) end
local has_work = flows.finish()
announce()
return { 1, has_work and 1 or 0 }
