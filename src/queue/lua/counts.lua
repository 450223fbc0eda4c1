#!lua flags=no-writes,allow-oom
-- The job counts of one instant.
-- KEYS: 1 namespace
-- Returns: now (ms)
--          the sizes of scheduled, leased and outbox
--          the hash of counts as field, value …
--          the jobs that ended in this minute and in each of the 15 before it
--          the JSON that each live replica stores about itself
--          for each type that was ever accepted: type, number of ready jobs, id of the next job (or ""), that job
--          packed without payload and records (or "")
--          the types whose queue is paused
--          the reasons of pauses as type, reason …
local ns = KEYS[1]
local minutes, about, queues = {}, {}, {}
for i = 0, 15 do minutes[i + 1] = ns .. 'ended:' .. (math.floor(now / 60000) - i) end
for _, replica in ipairs(redis.call('ZRANGE', ns .. 'replicas', 0, -1)) do
  about[#about + 1] = redis.call('GET', ns .. 'replica:' .. replica) or nil
end

local counts = redis.call('HGETALL', ns .. 'counts')
for i = 1, #counts, 2 do
  local job_type = string.match(counts[i], '^accepted:(.+)$')
  if job_type then
    local id, packed = next_job(job_type)
    queues[#queues + 1] = job_type
    queues[#queues + 1] = redis.call('ZCARD', ns .. 'ready:' .. job_type)
    queues[#queues + 1] = id
    queues[#queues + 1] = packed
  end
end
return {
  now, redis.call('ZCARD', ns .. 'scheduled'), redis.call('ZCARD', ns .. 'leased'), redis.call('ZCARD', ns .. 'outbox'),
  counts, redis.call('MGET', unpack(minutes)), about, queues, redis.call('SMEMBERS', ns .. 'paused'),
  redis.call('HGETALL', ns .. 'pause_reasons'), redis.call('ZCARD', ns .. 'waiting'),
}
