-- Enqueues small jobs that are due, one by one. Not a verb: scripts.ts inserts it into the scripts that enqueue jobs of
-- schedules.
local new_counts, new_types = {}, {}

-- Does nothing if Redis has a job of this id. `names` are its names in the index; a NUL between two names.
local function enqueue_new(id, packed, names)
  local ns, call = KEYS[1], redis.call
  if not call('SET', jobs .. id, packed, 'NX') then return end
  local job_type = type_of(packed)
  join_ready(id, packed, false, false)
  call('ZADD', ns .. 'live', 0, id)
  for name in string.gmatch(names, '[^%z]+') do call('ZADD', ns .. 'index', 0, name .. '\0' .. id) end
  if is_watched then changed(QUEUED, id, job_type) end
  new_counts[job_type] = (new_counts[job_type] or 0) + 1
end

-- To be called once, after the last job.
local function finish_enqueue()
  for job_type, count in pairs(new_counts) do
    redis.call('HINCRBY', KEYS[1] .. 'counts', 'accepted:' .. job_type, count)
    wake(job_type)
  end
  announce()
end

