-- Flows (core/flows/flow.ts): counts the ends of their jobs, and starts or dooms the nodes that wait for these. Not a
-- verb: scripts.ts inserts it into the scripts that enqueue or end jobs. These call open_flows only for jobs of flows.
--   f:<flow>    a hash (flow-fields.ts writes it, and lists its fields)
--   fi:<flow>   a list: the ids that were added to a batch, as "first count"
--   fr:<flow>   a hash: r<node> and e<node>, results and errors that other nodes refer to; "" for one that is too large
--   ft:<flow>   a list: the tasks that the last call left, because a call does bounded work
--   flows       a sorted set of the flows that are not forgotten, all scores 0
--   flow_work   a sorted set: what a replica must do for flows, by the time (ms) from which any replica may take it
--   waiting     a sorted set: the jobs of nodes that have not started, by run_at (ms; 0 for none)
-- A cause is the id of a job, a "/" and the index of its node; "" for none. The index of a node is a string here.
-- A call reads each node once, many with one command, and writes all changes at its end.
local function open_flows()
  local ns, call, sub, match, find, gmatch, format = KEYS[1], redis.call, string.sub, string.match, string.find, string.gmatch, string.format
  local min, max = math.min, math.max
  local waiting, flow_work = ns .. 'waiting', ns .. 'flow_work'
  local MAX_STEPS = 200 -- nodes that are read, and released jobs of batches: about a millisecond
  local EDGE_STEPS = 0.1 -- an edge to a node that was read costs a tenth of that
  local MAX_KEPT, MAX_KEPT_OF_FLOW = 262144, 16777216 -- bytes
  local steps, has_work, groups, order, todo, n_done = 0, false, {}, {}, {}, 0
  local known, released = {}, {} -- flows that were read, and jobs that may run from now on

  local function add_work(member)
    call('ZADD', flow_work, now, member)
    has_work = true
  end

  -- flow: its id. what: "e" passes the end of node i on, from a position in its edges on · "s" starts the jobs of the batch
  -- i, from a position on · "x" dooms the nodes that wait, from i on
  local function add_task(flow, what, i, position, outcome, cause)
    todo[#todo + 1] = { flow = flow, what = what, i = i, position = position or 0, outcome = outcome or '', cause = cause or '' }
  end

  -- What concerns a flow as a whole, and those of its nodes that were read. Scripts that change the former do so before they
  -- call any function here that reads it.
  local function flow_of(id)
    local flow = known[id]
    if not flow then
      local key = ns .. 'f:' .. id
      local values = call('HMGET', key, 'left', 'nodes', 'kind', 'cancel', 'stop', 'stopped', 'open')
      flow = {
        id = id, key = key, left = tonumber(values[1]), size = tonumber(values[2] or 0), kind = values[3], is_cancelled = values[4],
        stops = values[5], stopped = values[6], is_open = values[7], nodes = {}, changed = {}, has_ends = false,
      }
      known[id] = flow
    end
    return flow
  end

  -- A node of its field; of a batch, with the counts of its jobs.
  local function decoded(flow, i, field)
    local phase, outcome, verdict, is_met, is_unneeded, waits_for, conditions, cause, fixed, kind, when, most, id, edges =
      match(field, '^(.)(.)(.)(.)(.)(%d+) (%d+)|([^|]*)|((.)(.)(%d+)|([^|]*)|([^|]*)|.*)$')
    local batch = nil
    if kind == NODE_BATCH then
      local counts = call('HMGET', flow.key, 'c' .. i, 'o' .. i, 'f' .. i, 'x' .. i)
      batch = {
        most = tonumber(most), unended = tonumber(counts[1]), [COMPLETED] = tonumber(counts[2] or 0),
        [FAILED] = tonumber(counts[3] or 0), [CANCELLED] = tonumber(counts[4] or 0),
      }
    end
    return {
      flow = flow, i = i, phase = phase, outcome = outcome, verdict = verdict, is_met = is_met, is_unneeded = is_unneeded, waits_for = waits_for,
      conditions = conditions, cause = cause, fixed = fixed, when = when, id = id, edges = edges, batch = batch, is_changed = false,
    }
  end

  -- Reads nodes, unless they were read. Those of a flow that somebody has evicted are false. Returns how many it has read.
  local function read_nodes(flow, wanted)
    local nodes, fields, new, n = flow.nodes, {}, {}, 0
    for at = 1, #wanted do
      local i = wanted[at]
      if nodes[i] == nil then
        n = n + 1
        nodes[i], new[n], fields[n] = false, i, 'n' .. i
      end
    end
    for from = 1, n, 1000 do
      for at, field in ipairs(call('HMGET', flow.key, unpack(fields, from, min(from + 999, n)))) do
        local i = new[from + at - 1]
        nodes[i] = field and decoded(flow, i, field)
      end
    end
    return n
  end

  local function node_of(flow, i)
    if flow.nodes[i] == nil then read_nodes(flow, { i }) end
    return flow.nodes[i]
  end

  local function change(node)
    if node.is_changed then return end
    node.is_changed = true
    local changed = node.flow.changed
    changed[#changed + 1] = node
  end

  local function is_undecided(node) return node and node.phase == UNSET and node.outcome == UNSET end

  local function has_ended(node)
    if node.batch then return node.batch.unended <= 0 end
    return node.verdict ~= UNSET
  end

  local function outcome_of(node)
    local batch = node.batch
    if node.phase ~= RUNNING then return node.phase == DOOM_NOT_NEEDED and SKIPPED or CANCELLED end
    if not batch then return node.verdict end
    return batch[FAILED] > batch.most and FAILED or batch[FAILED] + batch[CANCELLED] > batch.most and CANCELLED or COMPLETED
  end

  local function end_node(node)
    local flow, outcome = node.flow, outcome_of(node)
    node.outcome = outcome
    change(node)
    if outcome == FAILED and flow.stops and not flow.stopped then
      flow.stopped = node.cause
      call('HSET', flow.key, 'stopped', node.cause)
      add_task(flow.id, 'x', '0')
      add_work(WORK_STOP .. flow.id)
    end
    if node.edges ~= '' then add_task(flow.id, 'e', node.i, 1, outcome, node.cause) end
    flow.left, flow.has_ends = flow.left - 1, true
    if flow.left == 0 then
      call('HSET', flow.key, 'finished', now)
      add_work(WORK_ENDED .. flow.id)
    end
  end

  -- The node can no longer run: a replica cancels its jobs, and records them.
  local function doom(node, code, cause)
    node.phase, node.cause = code, cause
    change(node)
    if has_ended(node) then end_node(node) else add_work(WORK_DOOMED .. node.flow.id .. ' ' .. node.i) end
  end

  local function start(node)
    local flow = node.flow
    -- The callbacks of a cancelled batch are sent as usual
    if flow.is_cancelled and flow.kind ~= KIND_BATCH then return doom(node, DOOM_CANCELLED, '') end
    if flow.stopped and node.when == WHEN_SUCCEEDED then return doom(node, DOOM_DEPENDENCY_FAILED, flow.stopped) end
    if node.is_unneeded ~= UNSET then return doom(node, DOOM_NOT_NEEDED, '') end
    node.phase = RUNNING
    change(node)
    if has_ended(node) then end_node(node)
    elseif node.batch then add_task(flow.id, 's', node.i)
    else released[#released + 1] = node.id end
  end

  local function wait_for_less(node)
    node.waits_for = node.waits_for - 1
    change(node)
    if node.waits_for == 0 then start(node) end
  end

  -- A node that `node` waits for has ended.
  local function pass(node, edge, outcome, cause)
    if edge == EDGE_FIRST_FAILURE then
      if node.is_met == UNSET then doom(node, DOOM_NOT_NEEDED, '') end
      return
    end
    local is_bad = outcome == FAILED or outcome == CANCELLED
    if edge == EDGE_CONDITION and node.when == WHEN_SUCCEEDED then
      if is_bad then return doom(node, DOOM_DEPENDENCY_FAILED, cause) end
      if outcome == SKIPPED then node.is_unneeded = '1' end
    end
    if edge == EDGE_CONDITION and node.when == WHEN_FAILED then
      if is_bad then node.is_met = '1' end
      node.conditions = node.conditions - 1
      if node.conditions == 0 and node.is_met == UNSET then return doom(node, DOOM_NOT_NEEDED, '') end
    end
    wait_for_less(node)
  end

  -- The first job of a batch has failed.
  local function pass_first_failure(flow, edges)
    for i, edge in gmatch(edges, '(%d+)(%l)') do
      local node = edge == EDGE_FIRST_FAILURE and node_of(flow, i)
      if is_undecided(node) then
        node.is_met = '1'
        wait_for_less(node)
      end
    end
  end

  local function pass_all(flow, task)
    local from_node, at = node_of(flow, task.i), task.position
    local edges = from_node and from_node.edges or ''
    while at <= #edges do
      local room, targets, kinds, n, last = MAX_STEPS - steps, {}, {}, 0, nil
      if room <= 0 then return add_task(flow.id, 'e', task.i, at, task.outcome, task.cause) end
      repeat
        n = n + 1
        last, targets[n], kinds[n] = select(2, find(edges, '^(%d+)(%l),?', at))
        at = last + 1
      until n >= room or at > #edges
      steps = steps + read_nodes(flow, targets) + n * EDGE_STEPS
      for nth = 1, n do
        local node = flow.nodes[targets[nth]]
        if is_undecided(node) then pass(node, kinds[nth], task.outcome, task.cause) end
      end
    end
  end

  -- After a node has failed, and on_failure is "stop", the nodes that have not started are cancelled, except clean-up;
  -- after somebody has cancelled the flow, all of them.
  local function doom_waiting(flow, from)
    while from < flow.size do
      local room, indexes = math.ceil(MAX_STEPS - steps), {}
      if room <= 0 then return add_task(flow.id, 'x', from) end
      for i = from, min(flow.size - 1, from + room - 1) do indexes[#indexes + 1] = format('%d', i) end
      steps = steps + read_nodes(flow, indexes) + #indexes * EDGE_STEPS
      for _, i in ipairs(indexes) do
        local node = flow.nodes[i]
        if is_undecided(node) then
          if flow.is_cancelled then doom(node, DOOM_CANCELLED, '')
          elseif node.when == WHEN_SUCCEEDED then doom(node, DOOM_DEPENDENCY_FAILED, flow.stopped) end
        end
      end
      from = from + #indexes
    end
  end

  -- Starts the jobs of a batch from a position on.
  local function release(flow, i, position)
    local most, n, at = max(1, MAX_STEPS - steps), 0, position
    for first, count in gmatch(call('HGET', flow.key, 'i' .. i) or '', '(%S+) (%d+)') do
      local size, common, counter = tonumber(count), sub(first, 1, ID_END - 8), tonumber(sub(first, ID_END - 7), 16)
      while at < size and n < most do
        released[#released + 1] = common .. format('%08x', counter + at)
        at, n, steps = at + 1, n + 1, steps + 1
      end
      if at < size then return add_task(flow.id, 's', i, position + n) end
      at = at - size
    end
  end

  local function run_tasks()
    while todo[n_done + 1] and steps < MAX_STEPS do
      n_done = n_done + 1
      local task = todo[n_done]
      local flow = flow_of(task.flow)
      if task.what == 'e' then pass_all(flow, task)
      elseif task.what == 's' then release(flow, task.i, task.position)
      else doom_waiting(flow, tonumber(task.i)) end
    end
  end

  -- Keeps a result or an error for the jobs that refer to it. Of a batch, only the first error is kept.
  local function keep(flow, field, json)
    local key = ns .. 'fr:' .. flow
    if #json > MAX_KEPT or #json + tonumber(call('HGET', key, 'bytes') or 0) > MAX_KEPT_OF_FLOW then json = '' end
    if call('HSETNX', key, field, json) == 1 then call('HINCRBY', key, 'bytes', #json) end
  end

  local function end_if_done(node)
    local is_open = node.i == '0' and node.flow.is_open
    if has_ended(node) and node.outcome == UNSET and not is_open then end_node(node) end
  end

  -- Returns whether the first job of the node has failed.
  local function count_jobs(node, group)
    local batch = node.batch
    if not batch then
      if node.verdict ~= UNSET then return false end
      node.verdict = group.verdict
      return group.verdict == FAILED
    end
    local is_first_failure = batch[FAILED] == 0 and group[FAILED] > 0
    for _, verdict in ipairs({ COMPLETED, FAILED, CANCELLED }) do
      batch.unended, batch[verdict] = batch.unended - group[verdict], batch[verdict] + group[verdict]
    end
    batch.is_changed = true
    return is_first_failure
  end

  local function count_ends(group)
    local node = node_of(flow_of(group.flow), group.i)
    if not node then return end -- the jobs end all the same
    for _, kept in ipairs(group.kept or {}) do
      local what = sub(kept, 1, 1)
      if what == 'e' or not node.batch then keep(group.flow, what .. node.i, sub(kept, 2)) end
    end
    local is_first_failure = count_jobs(node, group)
    local bad = group.failed or group.cancelled
    if bad and (is_first_failure or node.cause == '') and (node.phase == UNSET or node.phase == RUNNING) then node.cause = bad .. '/' .. node.i end
    if is_first_failure and node.batch then pass_first_failure(node.flow, node.edges) end
    change(node)
    end_if_done(node)
  end

  -- A job has ended, for good. member: the flow, a space and the index of the node; kept: "r" and its result or "e" and
  -- its error, or ""
  local function note_end(member, id, verdict, kept)
    local group = groups[member]
    if not group then
      local flow, i = match(member, '^(%S+) (%d+)$')
      group = { flow = flow, i = i, verdict = verdict, [COMPLETED] = 0, [FAILED] = 0, [CANCELLED] = 0 }
      groups[member] = group
      order[#order + 1] = group
    end
    group[verdict] = group[verdict] + 1
    if verdict == FAILED then group.failed = group.failed or id
    elseif verdict == CANCELLED then group.cancelled = group.cancelled or id end
    if kept ~= '' then
      group.kept = group.kept or {}
      group.kept[#group.kept + 1] = kept
    end
  end

  -- Nobody adds jobs to a batch any more.
  local function end_batch(flow)
    local node = node_of(flow_of(flow), '0')
    if node then end_if_done(node) end
  end

  -- Goes on with what the last call left.
  local function resume(flow)
    for _, task in ipairs(call('LRANGE', ns .. 'ft:' .. flow, 0, -1)) do
      local what, i, position, outcome, cause = match(task, '^(%l) (%d+) (%d+) (%l?) ?(%S*)$')
      add_task(flow, what, i, tonumber(position), outcome, cause)
    end
    call('DEL', ns .. 'ft:' .. flow)
    call('ZREM', flow_work, WORK_ADVANCE .. flow)
  end

  local function call_with(command, key, values)
    for i = 1, #values, 1000 do call(command, key, unpack(values, i, min(i + 999, #values))) end
  end

  -- The score of a job that joins its queue; `ends` has the last virtual times of the buckets.
  local function turn_of(job_type, priority, group, is_large, ends)
    local bucket = job_type .. ':' .. priority
    local last = ends[bucket]
    if not last then
      last = { vtime = tonumber(call('HGET', ns .. 'vtime', bucket) or 0), of = {} }
      ends[bucket] = last
    end
    local vtime = max(last.vtime, last.of[group] or tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group) or 0)) + 1
    last.of[group] = vtime
    -- Redis itself formats a number as %.17g, which takes four times as long
    return format('%d', score_of(priority, vtime, false, is_large))
  end

  -- The jobs of nodes that have started become ready, or scheduled. Those that have ended are not in `waiting`.
  local function release_jobs()
    local sets, counts, ends, left, times = {}, {}, {}, {}, {}
    for from = 1, #released, 1000 do
      for i, time in ipairs(call('ZMSCORE', waiting, unpack(released, from, min(from + 999, #released)))) do times[from + i - 1] = time end
    end
    for i, id in ipairs(released) do
      local packed = times[i] and start_of(id) or ''
      local job_type, size, group = match(packed, '^([%w_]+)|%d+(>?%d*)|([^|]*)|', TYPE)
      if job_type then -- else its string is lost: `verify` reports it
        local run_at, state, set_name = times[i], QUEUED, 'ready:' .. job_type
        if run_at ~= '0' and tonumber(run_at) > now then state, set_name = SCHEDULED, 'scheduled' end
        local members = sets[set_name]
        if not members then members = {}; sets[set_name] = members end
        local n = #members
        members[n + 1] = state == SCHEDULED and run_at or turn_of(job_type, sub(packed, PRIORITY, PRIORITY_END), group, size ~= '', ends)
        members[n + 2] = id
        call('SETRANGE', jobs .. id, 0, state)
        local moved = counts[job_type]
        if not moved then moved = { waiting = 0, scheduled = 0 }; counts[job_type] = moved end
        moved.waiting = moved.waiting - 1
        if state == SCHEDULED then moved.scheduled = moved.scheduled + 1 end
        if is_watched then changed(state, id, job_type) end
        left[#left + 1] = id
      end
    end
    call_with('ZREM', waiting, left)
    for set_name, members in pairs(sets) do call_with('ZADD', ns .. set_name, members) end
    for bucket, last in pairs(ends) do
      for group, vtime in pairs(last.of) do call('ZADD', ns .. 'fair:' .. bucket, vtime, group) end
    end
    for job_type, moved in pairs(counts) do
      call('HINCRBY', ns .. 'counts', 'waiting:' .. job_type, moved.waiting)
      if moved.scheduled > 0 then call('HINCRBY', ns .. 'counts', 'scheduled:' .. job_type, moved.scheduled) end
      wake(job_type)
    end
  end

  -- Writes what has changed in the flows.
  local function store_changes()
    for _, flow in pairs(known) do
      local values, n = {}, 0
      for _, node in ipairs(flow.changed) do
        values[n + 1] = 'n' .. node.i
        values[n + 2] = node.phase .. node.outcome .. node.verdict .. node.is_met .. node.is_unneeded .. node.waits_for .. ' ' .. node.conditions .. '|' .. node.cause .. '|' .. node.fixed
        n = n + 2
        local batch = node.batch
        if batch and batch.is_changed then
          for field, count in pairs({ c = batch.unended, o = batch[COMPLETED], f = batch[FAILED], x = batch[CANCELLED] }) do
            values[n + 1] = field .. node.i; values[n + 2] = count
            n = n + 2
          end
        end
      end
      if flow.has_ends then values[n + 1] = 'left'; values[n + 2] = flow.left end
      call_with('HSET', flow.key, values)
    end
  end

  local function leave_tasks()
    local left = {}
    for nth = n_done + 1, #todo do
      local task = todo[nth]
      local tasks = left[task.flow] or {}
      left[task.flow] = tasks
      tasks[#tasks + 1] = task.what .. ' ' .. task.i .. ' ' .. task.position .. ' ' .. task.outcome .. ' ' .. task.cause
    end
    for flow, tasks in pairs(left) do
      call_with('RPUSH', ns .. 'ft:' .. flow, tasks)
      add_work(WORK_ADVANCE .. flow)
    end
  end

  -- To be called once, after all other changes of the call. Returns whether there is work for a replica.
  local function finish()
    run_tasks()
    local wanted = {}
    for _, group in ipairs(order) do
      local nodes = wanted[group.flow] or {}
      wanted[group.flow] = nodes
      nodes[#nodes + 1] = group.i
    end
    for flow, nodes in pairs(wanted) do read_nodes(flow_of(flow), nodes) end
    for _, group in ipairs(order) do
      count_ends(group)
      run_tasks()
    end
    release_jobs()
    store_changes()
    leave_tasks()
    return has_work
  end

  return { note_end = note_end, end_batch = end_batch, add_work = add_work, add_task = add_task, resume = resume, call_with = call_with, finish = finish }
end
