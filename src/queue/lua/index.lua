-- The index of live jobs (live-index.ts), and from which id on it is complete. Not a verb: scripts.ts inserts it into
-- the scripts that maintain or read that.
--   index      a sorted set, all scores 0. A member is a name (index-names.ts), a NUL and the id of a job
--   indexing   a sorted set: the replicas of `replicas` whose version maintains the index
--   indexed    a hash: "from", the time (ms) from which on each accepted job is in the index under all its names;
--              "until", how long that is known (ms); "swept", the member that the last sweep ended at

-- The time of an id (ms), by its first 48 bits.
local function time_of(id) return tonumber(string.sub(id, 1, 8) .. string.sub(id, 10, 13), 16) or 0 end

-- Notes that a live replica maintains the index, and removes dead replicas. A replica of an earlier version, during a
-- rolling upgrade or after a rollback, enqueues and settles jobs that the index lacks: `from` is later than all of
-- these. If no replica noted itself for the time that a dead replica stays in `replicas`, an earlier version may have
-- run unseen meanwhile.
local function note_indexing(replica, alive)
  local call, replicas, indexing, indexed = redis.call, KEYS[1] .. 'replicas', KEYS[1] .. 'indexing', KEYS[1] .. 'indexed'
  call('ZADD', indexing, now, replica)
  for _, key in ipairs({ replicas, indexing }) do call('ZREMRANGEBYSCORE', key, '-inf', now - alive) end
  local known, others = call('HMGET', indexed, 'from', 'until'), call('ZDIFF', 2, replicas, indexing)
  local from = tonumber(known[1])
  if #others > 0 or not from or tonumber(known[2] or 0) < now then
    local newest = call('ZRANGE', KEYS[1] .. 'live', '+', '-', 'BYLEX', 'REV', 'LIMIT', 0, 1)[1]
    -- The other replica may send submissions that it has already accepted
    local unseen = #others > 0 and now + alive + LONGEST_CALL or newest and now + 1 or 0
    from = math.max(from or 0, unseen, newest and time_of(newest) + 1 or 0)
  end
  call('HSET', indexed, 'from', string.format('%.0f', from), 'until', string.format('%.0f', now + alive))
end

