#!lua flags=allow-oom
-- Stores the progress of jobs that one replica runs, between the renewals of their leases.
-- KEYS: 1 namespace
-- ARGV: 1 replica · then for each job: id, claim number (10 characters), progress ("000" to "100")
-- Returns: how many of them the replica still runs
local ns, replica, written = KEYS[1], ARGV[1], 0
local call = redis.call
for at = 2, #ARGV, 3 do
  local id, token, progress = ARGV[at], replica .. ARGV[at + 1], ARGV[at + 2]
  local state = call('HGET', states, id)
  if is_leased_under(token, state) then
    call('HSET', states, id, with_progress(state, progress))
    if is_watched then changed(PROGRESS_CHANGE .. progress, id, type_of(start_of(id))) end
    written = written + 1
  end
end
announce()
return written
