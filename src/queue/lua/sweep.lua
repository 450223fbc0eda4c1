#!lua flags=allow-oom
-- Takes over outbox entries that their owners have not recorded in time. Clears a part of the index of members whose
-- jobs are gone: of unreadable jobs, and of jobs that a replica of an earlier version has forgotten.
-- KEYS: 1 namespace
-- ARGV: 1 how long the caller owns them (ms) · 2 how many at most
-- Returns: when somebody must look at a schedule next (ms), "inf" for never, or "" without schedules; when there is work
--          for flows (ms), or "" without work; then the ids of the jobs
local ns, own, limit = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local reply = {}
for i, set in ipairs({ 'schedule_ticks', 'flow_work' }) do reply[i] = redis.call('ZRANGE', ns .. set, 0, 0, 'WITHSCORES')[2] or '' end
bring_back(ns .. 'outbox', own)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ns .. 'outbox', '-inf', now, 'LIMIT', 0, limit)) do
  if redis.call('EXISTS', jobs .. id) == 1 then
    redis.call('ZADD', ns .. 'outbox', now + own, id)
    reply[#reply + 1] = id
  else
    redis.call('ZREM', ns .. 'outbox', id)
    redis.call('HDEL', states, id)
  end
end

local CLEARED = 100 -- members read in one call, each about half a microsecond
local after = redis.call('HGET', ns .. 'indexed', 'swept')
local members = redis.call('ZRANGE', ns .. 'index', after and '(' .. after or '-', '+', 'BYLEX', 'LIMIT', 0, CLEARED)
if #members > 0 then
  local ids, gone = {}, {}
  for i, member in ipairs(members) do ids[i] = string.sub(member, -ID_END) end
  for i, score in ipairs(redis.call('ZMSCORE', ns .. 'live', unpack(ids))) do
    if not score then gone[#gone + 1] = members[i] end
  end
  if #gone > 0 then redis.call('ZREM', ns .. 'index', unpack(gone)) end
end
if #members == CLEARED then redis.call('HSET', ns .. 'indexed', 'swept', members[CLEARED])
elseif after then redis.call('HDEL', ns .. 'indexed', 'swept') end
return reply
