#!lua flags=no-writes,allow-oom
-- The books of one instant.
-- KEYS: 1 namespace
-- Returns: now (ms), scheduled, leased, outbox (cardinalities), the hash of counts as field, value …, the ended jobs of this and the last 15 minutes,
--          what each live replica says of itself, for each type that was ever accepted: type, its ready jobs, the id that is next (or ""),
--          how its text begins, up to its time to start (or ""), and the types whose queue is paused
local ns = KEYS[1]
local minutes, about, queues = {}, {}, {}
for i = 0, 15 do minutes[i + 1] = ns .. 'ended:' .. (math.floor(now / 60000) - i) end
for _, replica in ipairs(redis.call('ZRANGE', ns .. 'replicas', 0, -1)) do
  about[#about + 1] = redis.call('GET', ns .. 'replica:' .. replica) or nil
end
local counts = redis.call('HGETALL', ns .. 'counts')
for i = 1, #counts, 2 do
  local kind = string.match(counts[i], '^accepted:(.+)$')
  if kind then
    queues[#queues + 1] = kind
    queues[#queues + 1] = redis.call('ZCARD', ns .. 'ready:' .. kind)
    local id = redis.call('ZRANGE', ns .. 'ready:' .. kind, 0, 0)[1] or ''
    queues[#queues + 1] = id
    local state = id ~= '' and redis.call('HGET', states, id)
    queues[#queues + 1] = id == '' and '' or whole(start_of(id), state and string.sub(state, 1, 41))
  end
end
return {
  now, redis.call('ZCARD', ns .. 'scheduled'), redis.call('ZCARD', ns .. 'leased'), redis.call('ZCARD', ns .. 'outbox'),
  counts, redis.call('MGET', unpack(minutes)), about, queues, redis.call('SMEMBERS', ns .. 'paused'),
}
