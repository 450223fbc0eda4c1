#!lua flags=allow-oom
-- Lets the queue of a type run again, and tells every replica that there may be work.
-- KEYS: 1 namespace
-- ARGV: 1 type
-- Returns: 1 if it was paused, else 0
local ns, kind = KEYS[1], ARGV[1]
local was_paused = redis.call('SREM', ns .. 'paused', kind)
if was_paused == 1 then
  -- All of them: while it was paused nobody stood in the set of those who are idle.
  for _, replica in ipairs(redis.call('ZRANGE', ns .. 'replicas', 0, -1)) do redis.call('PUBLISH', ns .. 'to:' .. replica, 'wake') end
end
return was_paused
