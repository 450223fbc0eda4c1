-- Wakes a replica for work that arrived. Not a verb: scripts.ts inserts it into each script that leaves jobs ready.
--   idle:<type>   a set: the replicas that had free slots for the type at their last claim

-- One replica is enough: a claim that leaves work wakes the next.
local function wake(job_type)
  repeat -- skips a replica that is no longer subscribed, and leaves it out of the set
    local idle = redis.call('SPOP', KEYS[1] .. 'idle:' .. job_type)
  until not idle or redis.call('PUBLISH', KEYS[1] .. 'to:' .. idle, 'wake') > 0
end

