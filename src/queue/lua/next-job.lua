-- The next job of a queue. Not a verb: scripts.ts inserts it into the scripts that read how long jobs wait.

-- The id of the first waiting job of a type, and the job packed without payload and records; "" twice if none waits.
local function next_job(job_type)
  local id = redis.call('ZRANGE', KEYS[1] .. 'ready:' .. job_type, 0, 0)[1]
  if not id then return '', '' end
  -- All of the submission is read only if its options are long
  local metadata = string.match(start_of(id), '^[^\n]*\n') or string.match(redis.call('GET', jobs .. id) or '', '^[^\n]*\n') or ''
  local state = redis.call('HGET', states, id)
  return id, whole(metadata, state and string.sub(state, 1, HEADER_END))
end

