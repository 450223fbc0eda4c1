#!lua flags=allow-oom
-- Counts jobs of a node that have ended, and whose ends no script has counted. A repeat changes nothing.
-- KEYS: 1 namespace
-- ARGV: 1 the flow · 2 the index of the node · 3 to 6 what it counted when the caller read it: not ended, completed, failed,
--       cancelled · 7 to 9 how many more completed, failed, were cancelled · 10 the first that failed · 11 the first that was
--       cancelled; or "" · then what the flow keeps: "r" and a result, or "e" and an error
-- Returns: 1 if this call has counted them, else 0; then 1 if there is work for a replica, else 0
local flow, i = ARGV[1], ARGV[2]
local counted = redis.call('HMGET', KEYS[1] .. 'f:' .. flow, 'c' .. i, 'o' .. i, 'f' .. i, 'x' .. i, 'e' .. i)
if not counted[1] or counted[5] then return { 0, 0 } end
for field = 1, 4 do
  if (counted[field] or '0') ~= ARGV[2 + field] then return { 0, 0 } end
end
local flows = open_flows()
flows.note_ends({
  flow = flow, i = i, ended = ARGV[7] + ARGV[8] + ARGV[9], kept = { unpack(ARGV, 12) },
  [COMPLETED] = tonumber(ARGV[7]), [FAILED] = tonumber(ARGV[8]), [CANCELLED] = tonumber(ARGV[9]),
  first = { [FAILED] = ARGV[10] ~= '' and ARGV[10] or nil, [CANCELLED] = ARGV[11] ~= '' and ARGV[11] or nil },
})
local has_work = flows.finish()
announce()
return { 1, has_work and 1 or 0 }
