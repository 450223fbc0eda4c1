-- Enqueues the job that delivers a callback. Not a verb: scripts.ts inserts it into each script that ends jobs.

-- Returns whether the callback is new: the caller then counts it, and wakes a replica for it.
local function enqueue_callback(id, job_type, packed)
  local ns, call = KEYS[1], redis.call
  if not call('SET', jobs .. id, packed, 'NX') then return false end
  local priority = string.sub(packed, PRIORITY, PRIORITY_END)
  local bucket = job_type .. ':' .. priority
  local vtime = math.max(tonumber(call('HGET', ns .. 'vtime', bucket) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, '') or 0)) + 1
  call('ZADD', ns .. 'fair:' .. bucket, vtime, '')
  local is_large = size_of(packed) ~= nil
  if is_large then call('PERSIST', payloads .. id) end
  call('ZADD', ns .. 'ready:' .. job_type, score_of(priority, vtime, false, is_large), id)
  call('ZADD', ns .. 'live', 0, id)
  if is_watched then changed(QUEUED, id, job_type) end
  return true
end

