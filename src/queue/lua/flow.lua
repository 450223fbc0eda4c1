-- Flows (core/flows/flow.ts): counts the ends of their jobs, and starts or dooms the nodes that wait for these. Not a
-- verb: scripts.ts inserts it into the scripts that enqueue or end jobs. These call open_flows only for jobs of flows.
--   f:<flow>    a hash (flow-fields.ts writes it, and lists its fields)
--   fi:<flow>   a list: the ids that were added to a batch, as "first count"
--   fr:<flow>   a hash: r<node> and e<node>, results and errors that other nodes refer to; "" for one that is too large
--   ft:<flow>   a list: the tasks that the last call left, because a call does bounded work
--   flows       a sorted set of the flows that are not forgotten, all scores 0
--   flow_work   a sorted set: what a replica must do for flows, by the time (ms) from which any replica may take it
--   waiting     a sorted set: the jobs of nodes that have not started, by run_at (ms; 0 for none)
-- A cause is the id of a job, a "/" and the index of its node; "" for none.
local function open_flows()
  local ns, call, sub, match, gmatch, format = KEYS[1], redis.call, string.sub, string.match, string.gmatch, string.format
  local waiting, flow_work = ns .. 'waiting', ns .. 'flow_work'
  local MAX_STEPS = 200 -- edges, nodes and released jobs of one call: about a millisecond
  local MAX_KEPT, MAX_KEPT_OF_FLOW = 262144, 16777216 -- bytes
  local steps, has_work, groups, order, todo, n_done, counts, woken = 0, false, {}, {}, {}, 0, {}, {}
  local end_node

  local function key_of(flow) return ns .. 'f:' .. flow end

  local function count(field, by) counts[field] = (counts[field] or 0) + by end

  local function add_work(member)
    call('ZADD', flow_work, now, member)
    has_work = true
  end

  local function add_task(flow, task) todo[#todo + 1] = { flow = flow, task = task } end

  -- The node can no longer run: a replica cancels its jobs, and records them.
  local function doom(flow, node, code, cause)
    local key = key_of(flow)
    call('HSET', key, 's' .. node, code)
    if cause == '' then call('HDEL', key, 'y' .. node) else call('HSET', key, 'y' .. node, cause) end
    if call('HGET', key, 'c' .. node) == '0' then return end_node(flow, node) end
    add_work(WORK_DOOMED .. flow .. ' ' .. node)
  end

  local function start(flow, node)
    local key = key_of(flow)
    local about, kind, is_cancelled, stopped, unended = unpack(call('HMGET', key, 'n' .. node, 'kind', 'cancel', 'stopped', 'c' .. node))
    -- The callbacks of a cancelled batch are sent as usual
    if is_cancelled and kind ~= KIND_BATCH then return doom(flow, node, DOOM_CANCELLED, '') end
    if stopped and sub(about, 2, 2) == WHEN_SUCCEEDED then return doom(flow, node, DOOM_DEPENDENCY_FAILED, stopped) end
    call('HSET', key, 's' .. node, RUNNING)
    if unended == '0' then return end_node(flow, node) end
    add_task(flow, 's ' .. node .. ' 0')
  end

  -- A node that `node` waits for has ended.
  local function pass(flow, node, edge, outcome, cause)
    local key = key_of(flow)
    local about, phase, ended, is_met = unpack(call('HMGET', key, 'n' .. node, 's' .. node, 'e' .. node, 'b' .. node))
    if not about or phase or ended then return end
    local when = sub(about, 2, 2)
    if edge == EDGE_FIRST_FAILURE then
      if not is_met then doom(flow, node, DOOM_NOT_NEEDED, '') end
      return
    end
    if edge == EDGE_CONDITION and when == WHEN_SUCCEEDED and outcome ~= COMPLETED then
      return doom(flow, node, outcome == SKIPPED and DOOM_NOT_NEEDED or DOOM_DEPENDENCY_FAILED, cause)
    end
    if edge == EDGE_CONDITION and when == WHEN_FAILED then
      if outcome == FAILED or outcome == CANCELLED then
        is_met = '1'
        call('HSET', key, 'b' .. node, is_met)
      end
      if call('HINCRBY', key, 'v' .. node, -1) == 0 and not is_met then return doom(flow, node, DOOM_NOT_NEEDED, '') end
    end
    if call('HINCRBY', key, 'u' .. node, -1) == 0 then start(flow, node) end
  end

  -- The first job of a batch has failed.
  local function pass_first_failure(flow, about)
    local key = key_of(flow)
    for node, edge in gmatch(match(about, '|(.-)|'), '(%d+)(%l)') do
      local phase, ended = unpack(call('HMGET', key, 's' .. node, 'e' .. node))
      if edge == EDGE_FIRST_FAILURE and not phase and not ended then
        call('HSET', key, 'b' .. node, '1')
        if call('HINCRBY', key, 'u' .. node, -1) == 0 then start(flow, node) end
      end
    end
  end

  function end_node(flow, node)
    local key = key_of(flow)
    local about, phase, cause, failed, cancelled, stops, stopped = unpack(call('HMGET', key, 'n' .. node, 's' .. node, 'y' .. node, 'f' .. node, 'x' .. node, 'stop', 'stopped'))
    local outcome = phase == DOOM_NOT_NEEDED and SKIPPED or CANCELLED
    if phase == RUNNING then
      local most = tonumber(match(about, '^..(%d+)'))
      failed, cancelled = tonumber(failed or 0), tonumber(cancelled or 0)
      outcome = failed > most and FAILED or failed + cancelled > most and CANCELLED or COMPLETED
    end
    call('HSET', key, 'e' .. node, outcome)
    if outcome == FAILED and stops and not stopped then
      call('HSET', key, 'stopped', cause)
      add_task(flow, 'x 0')
      add_work(WORK_STOP .. flow)
    end
    if match(about, '|(.-)|') ~= '' then add_task(flow, 'e ' .. node .. ' 0 ' .. outcome .. ' ' .. (cause or '')) end
    if call('HINCRBY', key, 'left', -1) == 0 then
      call('HSET', key, 'finished', now)
      add_work(WORK_ENDED .. flow)
    end
  end

  local function release_job(id, run_at)
    local packed = start_of(id)
    if packed == '' then return end -- its string is lost: `verify` reports it
    local job_type, state = type_of(packed), run_at > now and SCHEDULED or QUEUED
    call('ZREM', waiting, id)
    call('SETRANGE', jobs .. id, 0, state)
    count('waiting:' .. job_type, -1)
    if state == SCHEDULED then
      call('ZADD', ns .. 'scheduled', run_at, id)
      count('scheduled:' .. job_type, 1)
    else
      join_ready(id, packed, false, size_of(packed) ~= nil)
    end
    if is_watched then changed(state, id, job_type) end
    woken[job_type] = true
  end

  -- Up to `most` ids of a node from a position on, and whether there are more.
  local function ids_of(flow, node, position, most)
    local ids = {}
    for first, n in gmatch(call('HGET', key_of(flow), 'i' .. node) or '', '(%S+) (%d+)') do
      local size, common, counter = tonumber(n), sub(first, 1, ID_END - 8), tonumber(sub(first, ID_END - 7), 16)
      while position < size do
        if #ids == most then return ids, true end
        ids[#ids + 1] = common .. format('%08x', counter + position)
        position = position + 1
      end
      position = position - size
    end
    return ids, false
  end

  -- Jobs that have ended meanwhile are not in `waiting`.
  local function release(flow, node, position)
    local ids, is_more = ids_of(flow, node, position, math.max(1, MAX_STEPS - steps))
    steps = steps + #ids
    local times = #ids > 0 and call('ZMSCORE', waiting, unpack(ids)) or {}
    for i, id in ipairs(ids) do
      if times[i] then release_job(id, tonumber(times[i])) end
    end
    if is_more then add_task(flow, 's ' .. node .. ' ' .. position + #ids) end
  end

  local function pass_all(flow, node, from, outcome, cause)
    local at = 0
    for target, edge in gmatch(match(call('HGET', key_of(flow), 'n' .. node) or '||', '|(.-)|'), '(%d+)(%l)') do
      at = at + 1
      if at > from then
        if steps >= MAX_STEPS then return add_task(flow, 'e ' .. node .. ' ' .. at - 1 .. ' ' .. outcome .. ' ' .. cause) end
        steps = steps + 1
        pass(flow, target, edge, outcome, cause)
      end
    end
  end

  -- After a node has failed, and on_failure is "stop", the nodes that have not started are cancelled, except clean-up;
  -- after somebody has cancelled the flow, all of them.
  local function doom_waiting(flow, from)
    local key = key_of(flow)
    local n, is_cancelled, stopped = unpack(call('HMGET', key, 'nodes', 'cancel', 'stopped'))
    for node = from, tonumber(n or 0) - 1 do
      if steps >= MAX_STEPS then return add_task(flow, 'x ' .. node) end
      steps = steps + 1
      local about, phase, ended = unpack(call('HMGET', key, 'n' .. node, 's' .. node, 'e' .. node))
      if not phase and not ended then
        if is_cancelled then doom(flow, node, DOOM_CANCELLED, '')
        elseif sub(about, 2, 2) == WHEN_SUCCEEDED then doom(flow, node, DOOM_DEPENDENCY_FAILED, stopped) end
      end
    end
  end

  local function run(flow, task)
    local what, node, position, outcome, cause = match(task, '^(%l) (%d+) ?(%d*) ?(%l?) ?(%S*)$')
    steps = steps + 1
    if what == 'e' then pass_all(flow, node, tonumber(position), outcome, cause)
    elseif what == 's' then release(flow, node, tonumber(position))
    else doom_waiting(flow, tonumber(node)) end
  end

  -- Keeps a result or an error for the jobs that refer to it. Of a batch, only the first error is kept.
  local function keep(flow, field, json)
    local key = ns .. 'fr:' .. flow
    if #json > MAX_KEPT or #json + tonumber(call('HGET', key, 'bytes') or 0) > MAX_KEPT_OF_FLOW then json = '' end
    if call('HSETNX', key, field, json) == 1 then call('HINCRBY', key, 'bytes', #json) end
  end

  local function end_if_done(flow, node)
    local unended, ended, is_open = unpack(call('HMGET', key_of(flow), 'c' .. node, 'e' .. node, 'open'))
    if unended and tonumber(unended) <= 0 and not ended and not (is_open and tonumber(node) == 0) then end_node(flow, node) end
  end

  local function count_ends(group)
    local flow, node, key = group.flow, group.node, key_of(group.flow)
    local about, phase, cause = unpack(call('HMGET', key, 'n' .. node, 's' .. node, 'y' .. node))
    if not about then return end -- somebody has evicted the flow; the jobs end all the same
    local is_batch = sub(about, 1, 1) == NODE_BATCH
    for _, kept in ipairs(group.kept) do
      local what = sub(kept, 1, 1)
      if what == 'e' or not is_batch then keep(flow, what .. node, sub(kept, 2)) end
    end
    call('HINCRBY', key, 'c' .. node, -group.ended)
    if group[COMPLETED] > 0 then call('HINCRBY', key, 'o' .. node, group[COMPLETED]) end
    if group[CANCELLED] > 0 then call('HINCRBY', key, 'x' .. node, group[CANCELLED]) end
    local is_first_failure = group[FAILED] > 0 and call('HINCRBY', key, 'f' .. node, group[FAILED]) == group[FAILED]
    local bad = group.first[FAILED] or group.first[CANCELLED]
    if bad and (is_first_failure or not cause) and (not phase or phase == RUNNING) then call('HSET', key, 'y' .. node, bad .. '/' .. node) end
    if is_first_failure and is_batch then pass_first_failure(flow, about) end
    end_if_done(flow, node)
  end

  -- A job has ended, for good. member: the flow, a space and the index of the node; kept: "r" and its result or "e" and
  -- its error, or ""
  local function note_end(member, id, verdict, kept)
    local group = groups[member]
    if not group then
      local flow, node = match(member, '^(%S+) (%d+)$')
      group = { flow = flow, node = node, ended = 0, [COMPLETED] = 0, [FAILED] = 0, [CANCELLED] = 0, first = {}, kept = {} }
      groups[member] = group
      order[#order + 1] = group
    end
    group.ended, group[verdict] = group.ended + 1, group[verdict] + 1
    group.first[verdict] = group.first[verdict] or id
    if kept ~= '' then group.kept[#group.kept + 1] = kept end
  end

  -- Goes on with what the last call left.
  local function resume(flow)
    for _, task in ipairs(call('LRANGE', ns .. 'ft:' .. flow, 0, -1)) do add_task(flow, task) end
    call('DEL', ns .. 'ft:' .. flow)
    call('ZREM', flow_work, WORK_ADVANCE .. flow)
  end

  local function run_tasks()
    while todo[n_done + 1] and steps < MAX_STEPS do
      n_done = n_done + 1
      run(todo[n_done].flow, todo[n_done].task)
    end
  end

  -- To be called once, after all other changes of the call. Returns whether there is work for a replica.
  local function finish()
    run_tasks()
    for _, group in ipairs(order) do
      count_ends(group)
      run_tasks()
    end
    local left = {}
    for i = n_done + 1, #todo do
      call('RPUSH', ns .. 'ft:' .. todo[i].flow, todo[i].task)
      left[todo[i].flow] = true
    end
    for flow in pairs(left) do add_work(WORK_ADVANCE .. flow) end
    for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
    for job_type in pairs(woken) do wake(job_type) end
    return has_work
  end

  return { note_end = note_end, end_if_done = end_if_done, add_work = add_work, add_task = add_task, resume = resume, finish = finish }
end

