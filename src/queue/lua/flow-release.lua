-- Releases jobs of flows that have waited. Not a verb: scripts.ts inserts it before flow.lua.

-- The last virtual time of a group in a bucket, and where it is stored; `ends` has those that were read.
local function end_of(bucket, group, ends)
  local of_bucket = ends[bucket]
  if not of_bucket then of_bucket = {}; ends[bucket] = of_bucket end
  local last = of_bucket[group]
  if not last then
    local vtime = math.max(tonumber(redis.call('HGET', KEYS[1] .. 'vtime', bucket) or 0), tonumber(redis.call('ZSCORE', KEYS[1] .. 'fair:' .. bucket, group) or 0))
    last = { vtime = vtime }
    of_bucket[group] = last
  end
  return last
end

-- The jobs become ready, or scheduled. Those that have ended are not in `waiting`.
local function release_jobs(ids)
  local ns, call, sub, match, min = KEYS[1], redis.call, string.sub, string.match, math.min
  local sets, counts, ends, left, times, n_left = {}, {}, {}, {}, {}, 0
  local last, last_type, last_priority, last_group -- most jobs are like the one before
  for from = 1, #ids, 1000 do
    for i, time in ipairs(call('ZMSCORE', ns .. 'waiting', unpack(ids, from, min(from + 999, #ids)))) do times[from + i - 1] = time end
  end
  for i, id in ipairs(ids) do
    local key, run_at = jobs .. id, times[i]
    local packed = run_at and call('GETRANGE', key, 0, START_BYTES - 1) or ''
    local job_type, size, group = match(packed, '^([%w_]+)|%d+(>?%d*)|([^|]*)|', TYPE)
    if job_type then -- else its string is lost: `verify` reports it
      local is_due = run_at == '0' or tonumber(run_at) <= now
      local state, set = is_due and QUEUED or SCHEDULED, is_due and 'ready:' .. job_type or 'scheduled'
      local members, moved = sets[set], counts[job_type]
      if not members then members = {}; sets[set] = members end
      if not moved then moved = { waiting = 0, scheduled = 0 }; counts[job_type] = moved end
      local n = #members
      if is_due then
        local priority = sub(packed, PRIORITY, PRIORITY_END)
        if job_type ~= last_type or priority ~= last_priority or group ~= last_group then
          last, last_type, last_priority, last_group = end_of(job_type .. ':' .. priority, group, ends), job_type, priority, group
        end
        last.vtime = last.vtime + 1
        -- Redis itself formats a number as %.17g, which takes four times as long
        members[n + 1] = string.format('%d', score_of(priority, last.vtime, false, size ~= ''))
      else
        members[n + 1] = run_at
      end
      members[n + 2] = id
      call('SETRANGE', key, 0, state)
      moved.waiting = moved.waiting - 1
      if not is_due then moved.scheduled = moved.scheduled + 1 end
      if is_watched then changed(state, id, job_type) end
      n_left = n_left + 1
      left[n_left] = id
    end
  end
  for from = 1, #left, 1000 do call('ZREM', ns .. 'waiting', unpack(left, from, min(from + 999, #left))) end
  for set, members in pairs(sets) do
    for from = 1, #members, 1000 do call('ZADD', ns .. set, unpack(members, from, min(from + 999, #members))) end
  end
  for bucket, groups in pairs(ends) do
    for group, of_group in pairs(groups) do call('ZADD', ns .. 'fair:' .. bucket, of_group.vtime, group) end
  end
  for job_type, moved in pairs(counts) do
    call('HINCRBY', ns .. 'counts', 'waiting:' .. job_type, moved.waiting)
    if moved.scheduled > 0 then call('HINCRBY', ns .. 'counts', 'scheduled:' .. job_type, moved.scheduled) end
    wake(job_type)
  end
end

