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
  local steps, has_work, groups, order, todo, n_done = 0, false, {}, {}, {}, 0
  local known, released = {}, {} -- flows that were read, and jobs that may run from now on

  local function key_of(flow) return ns .. 'f:' .. flow end

  local function add_work(member)
    call('ZADD', flow_work, now, member)
    has_work = true
  end

  local function add_task(flow, task) todo[#todo + 1] = { flow = flow, task = task } end

  -- What concerns a flow as a whole. Scripts that change it do so before they call any function here.
  local function flow_of(flow)
    if not known[flow] then
      local values = call('HMGET', key_of(flow), 'kind', 'cancel', 'stop', 'stopped', 'open')
      known[flow] = { kind = values[1], is_cancelled = values[2], stops = values[3], stopped = values[4], is_open = values[5] }
    end
    return known[flow]
  end

  -- A node, or nil if somebody has evicted the flow. Changes are written together, by `store`.
  local function node_of(flow, i)
    local values = call('HMGET', key_of(flow), 'n' .. i, 's' .. i, 'e' .. i, 'y' .. i, 'b' .. i, 'u' .. i, 'v' .. i, 'c' .. i, 'o' .. i, 'f' .. i, 'x' .. i, 'i' .. i, 'k' .. i)
    if not values[1] then return nil end
    local kind, when, most, edges = match(values[1], '^(%l)(%w)(%d+)|(.-)|')
    return {
      flow = flow, i = i, is_batch = kind == NODE_BATCH, when = when, most = tonumber(most), edges = edges, phase = values[2], outcome = values[3],
      cause = values[4] or '', is_met = values[5], waits_for = tonumber(values[6]), conditions = tonumber(values[7]), unended = tonumber(values[8]),
      [COMPLETED] = tonumber(values[9] or 0), [FAILED] = tonumber(values[10] or 0), [CANCELLED] = tonumber(values[11] or 0), ids = values[12] or '',
      is_unneeded = values[13],
      changes = {},
    }
  end

  local function set(node, field, value)
    local n = #node.changes
    node.changes[n + 1] = field .. node.i; node.changes[n + 2] = value
  end

  local function store(node)
    if #node.changes > 0 then call('HSET', key_of(node.flow), unpack(node.changes)) end
  end

  local function end_node(node)
    local flow, outcome = node.flow, node.phase == DOOM_NOT_NEEDED and SKIPPED or CANCELLED
    if node.phase == RUNNING then
      outcome = node[FAILED] > node.most and FAILED or node[FAILED] + node[CANCELLED] > node.most and CANCELLED or COMPLETED
    end
    node.outcome = outcome
    set(node, 'e', outcome)
    if outcome == FAILED and flow_of(flow).stops and not flow_of(flow).stopped then
      flow_of(flow).stopped = node.cause
      call('HSET', key_of(flow), 'stopped', node.cause)
      add_task(flow, 'x 0')
      add_work(WORK_STOP .. flow)
    end
    if node.edges ~= '' then add_task(flow, 'e ' .. node.i .. ' 0 ' .. outcome .. ' ' .. node.cause) end
    if call('HINCRBY', key_of(flow), 'left', -1) == 0 then
      call('HSET', key_of(flow), 'finished', now)
      add_work(WORK_ENDED .. flow)
    end
  end

  -- The node can no longer run: a replica cancels its jobs, and records them.
  local function doom(node, code, cause)
    node.phase, node.cause = code, cause
    set(node, 's', code)
    if cause == '' then call('HDEL', key_of(node.flow), 'y' .. node.i) else set(node, 'y', cause) end
    if node.unended == 0 then end_node(node) else add_work(WORK_DOOMED .. node.flow .. ' ' .. node.i) end
  end

  local function start(node)
    local flow = flow_of(node.flow)
    -- The callbacks of a cancelled batch are sent as usual
    if flow.is_cancelled and flow.kind ~= KIND_BATCH then return doom(node, DOOM_CANCELLED, '') end
    if flow.stopped and node.when == WHEN_SUCCEEDED then return doom(node, DOOM_DEPENDENCY_FAILED, flow.stopped) end
    if node.is_unneeded then return doom(node, DOOM_NOT_NEEDED, '') end
    node.phase = RUNNING
    set(node, 's', RUNNING)
    if node.unended == 0 then end_node(node)
    elseif node.is_batch then add_task(node.flow, 's ' .. node.i .. ' 0')
    else released[#released + 1] = sub(node.ids, 1, ID_END) end
  end

  local function wait_for_less(node)
    node.waits_for = node.waits_for - 1
    set(node, 'u', node.waits_for)
    if node.waits_for == 0 then start(node) end
  end

  -- A node that `node` waits for has ended.
  local function pass(node, edge, outcome, cause)
    if edge == EDGE_FIRST_FAILURE then
      if not node.is_met then doom(node, DOOM_NOT_NEEDED, '') end
      return
    end
    if edge == EDGE_CONDITION and node.when == WHEN_SUCCEEDED then
      if outcome == FAILED or outcome == CANCELLED then return doom(node, DOOM_DEPENDENCY_FAILED, cause) end
      if outcome == SKIPPED then
        node.is_unneeded = '1'
        set(node, 'k', '1')
      end
    end
    if edge == EDGE_CONDITION and node.when == WHEN_FAILED then
      if outcome == FAILED or outcome == CANCELLED then
        node.is_met = '1'
        set(node, 'b', '1')
      end
      set(node, 'v', node.conditions - 1)
      if node.conditions == 1 and not node.is_met then return doom(node, DOOM_NOT_NEEDED, '') end
    end
    wait_for_less(node)
  end

  -- The first job of a batch has failed.
  local function pass_first_failure(flow, edges)
    for i, edge in gmatch(edges, '(%d+)(%l)') do
      local node = edge == EDGE_FIRST_FAILURE and node_of(flow, i)
      if node and not node.phase and not node.outcome then
        set(node, 'b', '1')
        wait_for_less(node)
        store(node)
      end
    end
  end

  local function pass_all(flow, i, from, outcome, cause)
    local from_node, at = node_of(flow, i), 0
    for target, edge in gmatch(from_node and from_node.edges or '', '(%d+)(%l)') do
      at = at + 1
      if at > from then
        if steps >= MAX_STEPS then return add_task(flow, 'e ' .. i .. ' ' .. at - 1 .. ' ' .. outcome .. ' ' .. cause) end
        steps = steps + 1
        local node = node_of(flow, target)
        if not node.phase and not node.outcome then
          pass(node, edge, outcome, cause)
          store(node)
        end
      end
    end
  end

  -- After a node has failed, and on_failure is "stop", the nodes that have not started are cancelled, except clean-up;
  -- after somebody has cancelled the flow, all of them.
  local function doom_waiting(flow, from)
    local is_cancelled, stopped = flow_of(flow).is_cancelled, flow_of(flow).stopped
    for i = from, tonumber(call('HGET', key_of(flow), 'nodes') or 0) - 1 do
      if steps >= MAX_STEPS then return add_task(flow, 'x ' .. i) end
      steps = steps + 1
      local node = node_of(flow, i)
      if not node.phase and not node.outcome then
        if is_cancelled then doom(node, DOOM_CANCELLED, '')
        elseif node.when == WHEN_SUCCEEDED then doom(node, DOOM_DEPENDENCY_FAILED, stopped) end
        store(node)
      end
    end
  end

  -- Starts the jobs of a batch from a position on.
  local function release(flow, i, position)
    local node, most, n, at = node_of(flow, i), math.max(1, MAX_STEPS - steps), 0, position
    for first, count in gmatch(node and node.ids or '', '(%S+) (%d+)') do
      local size, common, counter = tonumber(count), sub(first, 1, ID_END - 8), tonumber(sub(first, ID_END - 7), 16)
      while at < size and n < most do
        released[#released + 1] = common .. format('%08x', counter + at)
        at, n, steps = at + 1, n + 1, steps + 1
      end
      if at < size then return add_task(flow, 's ' .. i .. ' ' .. position + n) end
      at = at - size
    end
  end

  local function run_tasks()
    while todo[n_done + 1] and steps < MAX_STEPS do
      n_done, steps = n_done + 1, steps + 1
      local flow = todo[n_done].flow
      local what, i, position, outcome, cause = match(todo[n_done].task, '^(%l) (%d+) ?(%d*) ?(%l?) ?(%S*)$')
      if what == 'e' then pass_all(flow, i, tonumber(position), outcome, cause)
      elseif what == 's' then release(flow, i, tonumber(position))
      else doom_waiting(flow, tonumber(i)) end
    end
  end

  -- Keeps a result or an error for the jobs that refer to it. Of a batch, only the first error is kept.
  local function keep(flow, field, json)
    local key = ns .. 'fr:' .. flow
    if #json > MAX_KEPT or #json + tonumber(call('HGET', key, 'bytes') or 0) > MAX_KEPT_OF_FLOW then json = '' end
    if call('HSETNX', key, field, json) == 1 then call('HINCRBY', key, 'bytes', #json) end
  end

  local function end_if_done(node)
    local is_open = node.i == '0' and flow_of(node.flow).is_open
    if node.unended <= 0 and not node.outcome and not is_open then end_node(node) end
  end

  local function count_ends(group)
    local node = node_of(group.flow, group.i)
    if not node then return end -- the jobs end all the same
    for _, kept in ipairs(group.kept) do
      local what = sub(kept, 1, 1)
      if what == 'e' or not node.is_batch then keep(node.flow, what .. node.i, sub(kept, 2)) end
    end
    local is_first_failure = node[FAILED] == 0 and group[FAILED] > 0
    node.unended = node.unended - group.ended
    set(node, 'c', node.unended)
    for verdict, field in pairs({ [COMPLETED] = 'o', [FAILED] = 'f', [CANCELLED] = 'x' }) do
      if group[verdict] > 0 then
        node[verdict] = node[verdict] + group[verdict]
        set(node, field, node[verdict])
      end
    end
    local bad = group.first[FAILED] or group.first[CANCELLED]
    if bad and (is_first_failure or node.cause == '') and (not node.phase or node.phase == RUNNING) then
      node.cause = bad .. '/' .. node.i
      set(node, 'y', node.cause)
    end
    if is_first_failure and node.is_batch then pass_first_failure(node.flow, node.edges) end
    end_if_done(node)
    store(node)
  end

  -- A job has ended, for good. member: the flow, a space and the index of the node; kept: "r" and its result or "e" and
  -- its error, or ""
  local function note_end(member, id, verdict, kept)
    local group = groups[member]
    if not group then
      local flow, i = match(member, '^(%S+) (%d+)$')
      group = { flow = flow, i = i, ended = 0, [COMPLETED] = 0, [FAILED] = 0, [CANCELLED] = 0, first = {}, kept = {} }
      groups[member] = group
      order[#order + 1] = group
    end
    group.ended, group[verdict] = group.ended + 1, group[verdict] + 1
    group.first[verdict] = group.first[verdict] or id
    if kept ~= '' then group.kept[#group.kept + 1] = kept end
  end

  -- Jobs of a node have ended: a group as note_end makes it.
  local function note_ends(group) order[#order + 1] = group end

  -- Nobody adds jobs to a batch any more.
  local function end_batch(flow)
    local node = node_of(flow, '0')
    if not node then return end
    end_if_done(node)
    store(node)
  end

  -- Goes on with what the last call left.
  local function resume(flow)
    for _, task in ipairs(call('LRANGE', ns .. 'ft:' .. flow, 0, -1)) do add_task(flow, task) end
    call('DEL', ns .. 'ft:' .. flow)
    call('ZREM', flow_work, WORK_ADVANCE .. flow)
  end

  local function call_with(command, key, values)
    for i = 1, #values, 1000 do call(command, key, unpack(values, i, math.min(i + 999, #values))) end
  end

  -- The score of a job that joins its queue; `ends` has the last virtual times of the buckets.
  local function turn_of(packed, ends)
    local job_type, priority, group = place_of(packed)
    local bucket = job_type .. ':' .. priority
    local last = ends[bucket] or { vtime = tonumber(call('HGET', ns .. 'vtime', bucket) or 0), of = {} }
    ends[bucket] = last
    local vtime = math.max(last.vtime, last.of[group] or tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group) or 0)) + 1
    last.of[group] = vtime
    return score_of(priority, vtime, false, size_of(packed) ~= nil)
  end

  -- The jobs of nodes that have started become ready, or scheduled. Those that have ended are not in `waiting`.
  local function release_jobs()
    local sets, counts, ends, left = {}, {}, {}, {}
    local times = {}
    for from = 1, #released, 1000 do
      for i, time in ipairs(call('ZMSCORE', waiting, unpack(released, from, math.min(from + 999, #released)))) do times[from + i - 1] = time end
    end
    for i, id in ipairs(released) do
      local packed = times[i] and start_of(id) or ''
      if packed ~= '' then -- else its string is lost: `verify` reports it
        local job_type, run_at = type_of(packed), tonumber(times[i])
        local state = run_at > now and SCHEDULED or QUEUED
        local set_name = state == SCHEDULED and 'scheduled' or 'ready:' .. job_type
        local members = sets[set_name] or {}
        sets[set_name] = members
        members[#members + 1] = state == SCHEDULED and run_at or turn_of(packed, ends)
        members[#members + 1] = id
        call('SETRANGE', jobs .. id, 0, state)
        local moved = counts[job_type] or { waiting = 0, scheduled = 0 }
        counts[job_type] = moved
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

  -- To be called once, after all other changes of the call. Returns whether there is work for a replica.
  local function finish()
    run_tasks()
    for _, group in ipairs(order) do
      count_ends(group)
      run_tasks()
    end
    release_jobs()
    local left = {}
    for i = n_done + 1, #todo do
      call('RPUSH', ns .. 'ft:' .. todo[i].flow, todo[i].task)
      left[todo[i].flow] = true
    end
    for flow in pairs(left) do add_work(WORK_ADVANCE .. flow) end
    return has_work
  end

  return { note_end = note_end, note_ends = note_ends, end_batch = end_batch, add_work = add_work, add_task = add_task, resume = resume, call_with = call_with, finish = finish }
end

