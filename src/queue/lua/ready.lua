-- The order of the waiting jobs. Not a verb: scripts.ts inserts it into the scripts that move waiting jobs on behalf of
-- callers.

local function place_of(packed)
  local job_type, group = string.match(packed, '^([%w_]+)|%d+>?%d*|([^|]*)|', TYPE)
  return job_type, string.sub(packed, PRIORITY, PRIORITY_END), group
end

-- Puts a job at the end of its group in its priority.
local function join_ready(id, packed, state, is_large)
  local ns, call = KEYS[1], redis.call
  local job_type, priority, group = place_of(packed)
  local bucket = job_type .. ':' .. priority
  local vtime = math.max(tonumber(call('HGET', ns .. 'vtime', bucket) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group) or 0)) + 1
  call('ZADD', ns .. 'fair:' .. bucket, vtime, group)
  call('ZADD', ns .. 'ready:' .. job_type, score_of(priority, vtime, state, is_large), id)
end

-- To be called after jobs of a priority left: if no job waits, the order of groups is void, and no claim would drop it.
local function drop_order_if_empty(job_type, priority)
  local ready = KEYS[1] .. 'ready:' .. job_type
  if not waits(ready, (9 - priority) * BAND) then redis.call('UNLINK', KEYS[1] .. 'fair:' .. job_type .. ':' .. priority) end
end

