-- Enqueues small jobs that are due, one by one. Not a verb: scripts.ts inserts it into the scripts that enqueue jobs of
-- schedules.
local new_counts, new_live, new_ready, new_ends = {}, {}, {}, {}

-- A command with many values is cheaper than one for each value; so many values fit on the stack.
local function call_with(command, key, values)
  for i = 1, #values, 1000 do redis.call(command, key, unpack(values, i, math.min(i + 999, #values))) end
end

-- As join_ready, but the sets follow in finish_enqueue.
local function join_later(id, packed)
  local ns, call = KEYS[1], redis.call
  local job_type, priority, group = place_of(packed)
  local bucket = job_type .. ':' .. priority
  local ends = new_ends[bucket] or { vtime = tonumber(call('HGET', ns .. 'vtime', bucket) or 0), of = {} }
  new_ends[bucket] = ends
  local vtime = math.max(ends.vtime, ends.of[group] or tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group) or 0)) + 1
  ends.of[group] = vtime
  local ready = new_ready[job_type] or {}
  new_ready[job_type] = ready
  -- Redis itself formats a number as %.17g, which takes four times as long
  ready[#ready + 1] = string.format('%d', score_of(priority, vtime, false, false)); ready[#ready + 1] = id
  return job_type
end

-- Does nothing if Redis has a job of this id. `names` are its names in the index; a NUL between two names.
local function enqueue_new(id, packed, names)
  local ns, call = KEYS[1], redis.call
  if not call('SET', jobs .. id, packed, 'NX') then return end
  local job_type = join_later(id, packed)
  new_live[#new_live + 1] = '0'; new_live[#new_live + 1] = id
  for name in string.gmatch(names, '[^%z]+') do call('ZADD', ns .. 'index', 0, name .. '\0' .. id) end
  if is_watched then changed(QUEUED, id, job_type) end
  new_counts[job_type] = (new_counts[job_type] or 0) + 1
end

-- To be called once, after the last job.
local function finish_enqueue()
  local ns = KEYS[1]
  call_with('ZADD', ns .. 'live', new_live)
  for bucket, ends in pairs(new_ends) do
    local values = {}
    for group, vtime in pairs(ends.of) do values[#values + 1] = vtime; values[#values + 1] = group end
    call_with('ZADD', ns .. 'fair:' .. bucket, values)
  end
  for job_type, count in pairs(new_counts) do
    call_with('ZADD', ns .. 'ready:' .. job_type, new_ready[job_type])
    redis.call('HINCRBY', ns .. 'counts', 'accepted:' .. job_type, count)
    wake(job_type)
  end
  announce()
end

