#!lua flags=allow-oom
-- Forgets jobs that Postgres has stored. A repeat counts no job twice, and does not touch a job that waits or runs
-- again.
-- KEYS: 1 namespace
-- ARGV: for each type: type, n, n ids; a ">" before the type: their payloads are large
--       then for jobs in the index: "&" and their names (a NUL between two), n, n ids
-- Returns: how many jobs this call forgot
local ns, at, total = KEYS[1], 1, 0
local stays, members = {}, {}

local IS_LIVE = { [WAITING] = true, [QUEUED] = true, [SCHEDULED] = true, [RETRYING] = true, [RUNNING] = true }

-- A replica that was away recorded the job late, after Redis had lost the job and got it back
local function is_live(id)
  local state = redis.call('HGET', states, id) or redis.call('GETRANGE', jobs .. id, 0, 0)
  return IS_LIVE[string.sub(state, STATE, STATE_END)]
end

local function forget(job_type, is_large, from, to)
  local removed = 0
  for first = from, to, 1000 do
    local last, ids, keys = math.min(first + 999, to), {}, {}
    local outbox = redis.call('ZREM', ns .. 'outbox', unpack(ARGV, first, last))
    for i = first, last do
      if outbox == last - first + 1 or not is_live(ARGV[i]) then
        ids[#ids + 1] = ARGV[i]; keys[#keys + 1] = jobs .. ARGV[i]
      else
        stays[ARGV[i]] = true
      end
    end
    removed = removed + outbox
    if #ids > 0 then
      redis.call('ZREM', ns .. 'live', unpack(ids))
      redis.call('DEL', unpack(keys))
      redis.call('HDEL', states, unpack(ids))
      if is_large then
        for _, id in ipairs(ids) do redis.call('UNLINK', payloads .. id) end
      end
    end
  end
  if removed > 0 then redis.call('HINCRBY', ns .. 'counts', 'recorded:' .. job_type, removed) end
  total = total + removed
end

local function leave_index(names, from, to)
  for name in string.gmatch(names, '[^%z]+') do
    for i = from, to do
      if not stays[ARGV[i]] then members[#members + 1] = name .. '\0' .. ARGV[i] end
    end
  end
end

while at <= #ARGV do
  local what, from, to = ARGV[at], at + 2, at + 1 + tonumber(ARGV[at + 1])
  if string.byte(what) == OP_INDEX_BYTE then leave_index(string.sub(what, 2), from, to)
  else forget(string.match(what, '[^>]+'), string.byte(what) == OP_COMMON_BYTE, from, to) end
  at = to + 1
end
for i = 1, #members, 1000 do redis.call('ZREM', ns .. 'index', unpack(members, i, math.min(i + 999, #members))) end
return total
