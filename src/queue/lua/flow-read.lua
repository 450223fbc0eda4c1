#!lua flags=no-writes,allow-oom
-- Flows, each at one instant.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: for each id: the fields of its hash as field, value …; the ids that were added to a batch
local ns, reply = KEYS[1], {}
for i, id in ipairs(ARGV) do
  reply[i] = { redis.call('HGETALL', ns .. 'f:' .. id), redis.call('LRANGE', ns .. 'fi:' .. id, 0, -1) }
end
return reply
