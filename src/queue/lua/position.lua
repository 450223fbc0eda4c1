#!lua flags=no-writes,allow-oom
-- Where one job stands, and what it may wait for, at one instant.
-- KEYS: 1 namespace
-- ARGV: 1 id · 2 type
-- Returns: now (ms), its place in its queue from 0 (-1 elsewhere), the jobs in that queue, when it is due (ms; 0 elsewhere than in scheduled),
--          1 if its queue is paused, else 0, the jobs of its type that run, and what each live replica says of itself
local ns, id, kind = KEYS[1], ARGV[1], ARGV[2]
local ready = ns .. 'ready:' .. kind
local place, score = redis.call('ZRANK', ready, id) or -1, tonumber(redis.call('ZSCORE', ready, id) or 0)
if score >= SUSPECTS then -- it has a range behind all others, and comes with those of the first range that have its score
  local base = score % SUSPECTS
  place = redis.call('ZCOUNT', ready, '-inf', string.format('(%.0f', base)) + redis.call('ZCOUNT', ready, score - base, string.format('(%.0f', score))
end
local reply = {
  now, place, redis.call('ZCARD', ready), tonumber(redis.call('ZSCORE', ns .. 'scheduled', id) or 0),
  redis.call('SISMEMBER', ns .. 'paused', kind), tonumber(redis.call('HGET', ns .. 'counts', 'running:' .. kind) or 0),
}
for _, replica in ipairs(redis.call('ZRANGE', ns .. 'replicas', 0, -1)) do
  reply[#reply + 1] = redis.call('GET', ns .. 'replica:' .. replica) or nil
end
return reply
