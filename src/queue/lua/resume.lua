#!lua flags=allow-oom
-- Ends the pause of a type's queue, and wakes every replica.
-- KEYS: 1 namespace
-- ARGV: 1 type
-- Returns: 1 if it was paused, else 0
local ns, job_type = KEYS[1], ARGV[1]
redis.call('HDEL', ns .. 'pause_reasons', job_type)
local was_paused = redis.call('SREM', ns .. 'paused', job_type)
if was_paused == 1 then
  -- All of them: no replica joins the set of idle replicas while the queue is paused.
  for _, replica in ipairs(redis.call('ZRANGE', ns .. 'replicas', 0, -1)) do redis.call('PUBLISH', ns .. 'to:' .. replica, 'wake') end
end
return was_paused
