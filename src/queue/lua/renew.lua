#!lua flags=allow-oom
-- Renews the leases of one replica, all in one call, and shows the replica to the others.
-- KEYS: 1 namespace
-- ARGV: 1 replica
--       2 lease (ms)
--       3 how long the replica counts as alive without another call (ms)
--       4 what it stores about itself (JSON)
--       then for each job it runs: id, claim number (10 characters), progress ("000" to "100", or "---")
-- Returns: now (ms), then for each job that the replica should stop: id, "lost" | "cancelled"
local ns, replica, lease, alive, about = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local call, sub = redis.call, string.sub
local reply = { now }
for at = 5, #ARGV, 3 do
  local id, token, progress = ARGV[at], replica .. ARGV[at + 1], ARGV[at + 2]
  local state = call('HGET', states, id)
  if is_leased_under(token, state) then
    call('ZADD', ns .. 'leased', 'XX', now + lease, id)
    if sub(state, PROGRESS, PROGRESS_END) ~= progress then call('HSET', states, id, with_progress(state, progress)) end
    if sub(state, CANCEL, CANCEL_END) == CANCEL_REQUESTED then reply[#reply + 1] = id; reply[#reply + 1] = 'cancelled' end
  else
    reply[#reply + 1] = id; reply[#reply + 1] = 'lost'
  end
end
call('SET', ns .. 'replica:' .. replica, about, 'PX', alive)
call('ZADD', ns .. 'replicas', now, replica)
local longest = longest_lease(lease)
bring_back(ns .. 'leased', longest)
bring_back(ns .. 'indexing', 0)
for _, other in ipairs(bring_back(ns .. 'replicas', 0)) do end_within(ns .. 'replica:' .. other, math.max(longest, alive)) end
for _, key in ipairs({ 'watched', 'awaited', 'history' }) do end_within(ns .. key, 60000) end
note_indexing(replica, alive)
return reply
