#!lua flags=allow-oom
-- Writes down the progress of jobs that one replica runs, between the renewals of their leases.
-- KEYS: 1 namespace
-- ARGV: 1 replica · then for each job: id, claim number (10 digits), progress ("000" to "100")
-- Returns: how many of them the replica still runs
local ns, replica, written = KEYS[1], ARGV[1], 0
for at = 2, #ARGV, 3 do
  local id, token, progress = ARGV[at], replica .. ARGV[at + 1], ARGV[at + 2]
  local state = redis.call('HGET', states, id)
  if state and string.sub(state, 1, 1) == 'r' and string.sub(state, 24, 41) == token then
    redis.call('HSET', states, id, string.sub(state, 1, 7) .. progress .. string.sub(state, 11))
    if is_watched then changed('p' .. progress, id, string.match(start_of(id), '^[%w_]+', 3)) end
    written = written + 1
  end
end
announce()
return written
