#!lua flags=allow-oom
-- Takes over outbox entries that their owners have not recorded in time.
-- KEYS: 1 namespace
-- ARGV: 1 how long the caller owns them (ms) · 2 how many at most
-- Returns: their ids
local ns, own, limit = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local reply = {}
bring_back(ns .. 'outbox', own)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ns .. 'outbox', '-inf', now, 'LIMIT', 0, limit)) do
  if redis.call('EXISTS', jobs .. id) == 1 then
    redis.call('ZADD', ns .. 'outbox', now + own, id)
    reply[#reply + 1] = id
  else
    redis.call('ZREM', ns .. 'outbox', id)
    redis.call('HDEL', states, id)
  end
end
return reply
