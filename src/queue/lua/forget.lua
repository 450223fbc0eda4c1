#!lua flags=allow-oom
-- Forgets jobs that Postgres has stored. A repeat counts no job twice, and does not touch a job that waits or runs
-- again.
-- KEYS: 1 namespace
-- ARGV: for each type: type, n, n ids; a ">" before the type: their payloads are large
-- Returns: how many jobs this call forgot
local ns, at, total = KEYS[1], 1, 0

local IS_LIVE = { [QUEUED] = true, [SCHEDULED] = true, [RETRYING] = true, [RUNNING] = true }

-- A replica that was away recorded the job late, after Redis had lost the job and got it back
local function is_live(id)
  local state = redis.call('HGET', states, id) or redis.call('GETRANGE', jobs .. id, 0, 0)
  return IS_LIVE[string.sub(state, STATE, STATE_END)]
end

while at <= #ARGV do
  local large, job_type = string.match(ARGV[at], '^(>?)(.*)$')
  local n, removed = tonumber(ARGV[at + 1]), 0
  for first = at + 2, at + 1 + n, 1000 do
    local last, ids, keys = math.min(first + 999, at + 1 + n), {}, {}
    local outbox = redis.call('ZREM', ns .. 'outbox', unpack(ARGV, first, last))
    for i = first, last do
      if outbox == last - first + 1 or not is_live(ARGV[i]) then
        ids[#ids + 1] = ARGV[i]; keys[#keys + 1] = jobs .. ARGV[i]
      end
    end
    removed = removed + outbox
    if #ids > 0 then
      redis.call('ZREM', ns .. 'live', unpack(ids))
      redis.call('DEL', unpack(keys))
      redis.call('HDEL', states, unpack(ids))
      if large ~= '' then
        for _, id in ipairs(ids) do redis.call('UNLINK', payloads .. id) end
      end
    end
  end
  if removed > 0 then redis.call('HINCRBY', ns .. 'counts', 'recorded:' .. job_type, removed) end
  total, at = total + removed, at + 2 + n
end
return total
