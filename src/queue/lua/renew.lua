#!lua flags=allow-oom
-- Renews the leases of one replica, all in one call, and shows the replica to the others.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 lease (ms) · 3 how long the replica counts as alive without another call (ms) · 4 what it says of itself (JSON) ·
--       then for each job it runs: id, seq (10 characters), progress ("000" to "100", or "---")
-- Returns: now (ms), then for each job that it should stop: id, "lost" | "cancelled"
local ns, replica, lease, alive, about = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local reply = { now }
for at = 5, #ARGV, 3 do
  local id, token, progress = ARGV[at], replica .. ARGV[at + 1], ARGV[at + 2]
  local state = redis.call('HGET', states, id)
  if state and string.sub(state, 1, 1) == 'r' and string.sub(state, 24, 41) == token then
    redis.call('ZADD', ns .. 'leased', 'XX', now + lease, id)
    if string.sub(state, 8, 10) ~= progress then redis.call('HSET', states, id, string.sub(state, 1, 7) .. progress .. string.sub(state, 11)) end
    if string.sub(state, 7, 7) == '1' then reply[#reply + 1] = id; reply[#reply + 1] = 'cancelled' end
  else
    reply[#reply + 1] = id; reply[#reply + 1] = 'lost'
  end
end
redis.call('SET', ns .. 'replica:' .. replica, about, 'PX', alive)
redis.call('ZADD', ns .. 'replicas', now, replica)
local longest = longest_lease(lease)
bring_back(ns .. 'leased', longest)
for _, other in ipairs(bring_back(ns .. 'replicas', 0)) do end_within(ns .. 'replica:' .. other, math.max(longest, alive)) end
for _, key in ipairs({ 'watched', 'awaited', 'history' }) do end_within(ns .. key, 60000) end
redis.call('ZREMRANGEBYSCORE', ns .. 'replicas', '-inf', now - alive)
return reply
