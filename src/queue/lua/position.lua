#!lua flags=no-writes,allow-oom
-- The position of one job in its queue, and what it may wait for, at one instant.
-- KEYS: 1 namespace
-- ARGV: 1 id · 2 type
-- Returns: now (ms), its position from 0 (-1 if it is not in its queue), the jobs in that queue, when it is due (ms; 0
--          if it is not scheduled), 1 if its queue is paused, else 0, the running jobs of its type, and the JSON that
--          each live replica stores about itself
local ns, id, job_type = KEYS[1], ARGV[1], ARGV[2]
local ready = ns .. 'ready:' .. job_type
local position, score = redis.call('ZRANK', ready, id) or -1, tonumber(redis.call('ZSCORE', ready, id) or 0)
if score >= POISON_CANDIDATES then -- it is in a later range, and its turn is that of the same score in the first range
  local base = score % POISON_CANDIDATES
  position = redis.call('ZCOUNT', ready, '-inf', string.format('(%.0f', base)) + redis.call('ZCOUNT', ready, score - base, string.format('(%.0f', score))
end
local reply = {
  now, position, redis.call('ZCARD', ready), tonumber(redis.call('ZSCORE', ns .. 'scheduled', id) or 0),
  redis.call('SISMEMBER', ns .. 'paused', job_type), tonumber(redis.call('HGET', ns .. 'counts', 'running:' .. job_type) or 0),
}
for _, replica in ipairs(redis.call('ZRANGE', ns .. 'replicas', 0, -1)) do
  reply[#reply + 1] = redis.call('GET', ns .. 'replica:' .. replica) or nil
end
return reply
