-- Wakes who may run what came in. No verb: scripts.ts puts it before each script that leaves jobs ready.
--   idle:<type>   a set: the replicas that had free slots for the type at their last claim

-- One is enough: a claim that leaves work wakes the next.
local function wake(kind)
  repeat -- one that hears nothing any more is passed over, and out of the set for good
    local idle = redis.call('SPOP', KEYS[1] .. 'idle:' .. kind)
  until not idle or redis.call('PUBLISH', KEYS[1] .. 'to:' .. idle, 'wake') > 0
end

