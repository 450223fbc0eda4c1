#!lua flags=allow-oom
-- Renews all leases of one replica whose main thread is blocked and cannot list them. Each call reads one part of all
-- leases.
-- KEYS: 1 namespace
-- ARGV: 1 replica
--       2 lease (ms)
--       3 how long the replica counts as alive without another call (ms)
--       4 cursor: "0" to begin
-- Returns: cursor for the next call ("0": the last part is done), how many leases were renewed
local ns, replica, lease, alive, cursor = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local PART = 1000 -- leases read in one call, each about a microsecond
local renewed = 0
-- By cursor, not by score or rank: other replicas renew and settle between two calls, and that must not hide a lease
-- that stays.
local part = redis.call('ZSCAN', ns .. 'leased', cursor, 'COUNT', PART)
for at = 1, #part[2], 2 do
  local id = part[2][at]
  local state = redis.call('HGET', states, id)
  if state and string.sub(state, STATE, STATE_END) == RUNNING and string.sub(state, REPLICA, REPLICA_END) == replica then
    redis.call('ZADD', ns .. 'leased', 'XX', now + lease, id)
    renewed = renewed + 1
  end
end
redis.call('PEXPIRE', ns .. 'replica:' .. replica, alive)
redis.call('ZADD', ns .. 'replicas', 'XX', now, replica)
note_indexing(replica, tonumber(alive))
return { part[1], renewed }
