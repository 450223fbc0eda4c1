#!lua
-- Enqueues jobs of schedules for which Postgres has answered. A repeat changes nothing. It lacks allow-oom: a full Redis
-- rejects the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: 1 not_after (ms): later than that nothing changes
--       then for each job: id; "1" to enqueue it, "" to drop it: its row is in Postgres already; its names in the index,
--       a NUL between two names
-- Returns: 1, or 0 if the call came too late
local ns, call = KEYS[1], redis.call
if is_late(ARGV[1]) then return 0 end
for at = 2, #ARGV, 3 do
  local id = ARGV[at]
  local packed = call('HGET', ns .. 'schedule_jobs', id)
  if packed then
    if ARGV[at + 1] ~= '' then enqueue_new(id, packed, ARGV[at + 2]) end
    call('HDEL', ns .. 'schedule_jobs', id)
    call('ZREM', ns .. 'schedule_ticks', SCHEDULE_JOB .. id)
  end
end
finish_enqueue()
return 1
