-- Flows (core/flows/flow.ts): counts the ends of their jobs, and starts or dooms the nodes that wait for these. Not a
-- verb: scripts.ts inserts it into the scripts that enqueue or end jobs. These call open_flows only for jobs of flows.
--   f:<flow>    a hash (flow-fields.ts writes it, and lists its fields)
--   fi:<flow>   a list: the ids that were added to a batch, as "first count"
--   fr:<flow>   a hash: r<node> and e<node>, results and errors that other nodes refer to; "" for one that is too large
--   fp:<flow>   a hash: jobs that wait for a retry of a flow that has ended: for the first of each part of them how many there are;
--               retry, its id; jobs, how many in all; dropped, if the retry cannot take place any more
--   ft:<flow>   a list: the tasks that the last call left, because a call does bounded work
--   flows       a sorted set of the flows that are not forgotten, all scores 0
--   flow_work   a sorted set: what a replica must do for flows, by the time (ms) from which any replica may take it
--   waiting     a sorted set: the jobs of nodes that have not started, by run_at (ms; 0 for none)
-- A cause is the id of a job, a "/" and the index of its node; "" for none.
local function open_flows()
  local ns, call, sub, match, find, gmatch, format = KEYS[1], redis.call, string.sub, string.match, string.find, string.gmatch, string.format
  local flow_work = ns .. 'flow_work'
  local MAX_STEPS = 200 -- nodes that are read, and released jobs of batches: about a millisecond
  local EDGE_STEPS = 0.1 -- an edge to a node that was read costs a tenth of that
  local MAX_KEPT, MAX_KEPT_OF_FLOW = 262144, 16777216 -- bytes
  local steps, has_work, ended, todo, n_done = 0, false, {}, {}, 0
  local known, released = {}, {} -- flows that were read, and jobs that may run from now on
  -- What the texts of most nodes begin with, up to the id of the job: of a job that runs, and of one that waits for one node
  -- only and runs unless that fails. Such nodes are changed as texts.
  local RUNNING_JOB = '^' .. RUNNING .. string.rep('%' .. UNSET, 2) .. '..%d+ %d+||' .. NODE_JOB .. '.%d+|()'
  local NEXT_JOB = '^' .. string.rep('%' .. UNSET, 5) .. '1 0||' .. NODE_JOB .. '[' .. WHEN_SUCCEEDED .. WHEN_ENDED .. ']%d+|()'
  local STARTED, COMPLETES = RUNNING .. string.rep(UNSET, 4) .. '0', RUNNING .. COMPLETED .. COMPLETED -- what they begin with then

  local function add_work(member)
    call('ZADD', flow_work, now, member)
    has_work = true
  end

  -- flow: its id. what: "e" passes the end of a node on, from a position in its edges on · "s" starts the jobs of a node,
  -- from a position on · "x" dooms the nodes that wait, from an index on
  local function add_task(flow, what, where, position, outcome, cause)
    todo[#todo + 1] = { flow = flow, what = what, where = where, position = position or 0, outcome = outcome or '', cause = cause or '' }
  end

  -- What concerns a flow as a whole, and those of its nodes that were read. Scripts that change the former do so before they
  -- call any function here that reads it.
  local function flow_of(id)
    local flow = known[id]
    if not flow then
      local key = ns .. 'f:' .. id
      local values = call('HMGET', key, 'left', 'nodes', 'kind', 'cancel', 'stop', 'stopped', 'open')
      flow = {
        id = id, key = key, left = tonumber(values[1] or 0), size = tonumber(values[2] or 0), kind = values[3], is_cancelled = values[4],
        stops = values[5], stopped = values[6], is_open = values[7], nodes = {}, changed = {}, has_ends = false,
      }
      known[id] = flow
    end
    return flow
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

  local function count_node(flow)
    flow.left, flow.has_ends = flow.left - 1, true
    if flow.left == 0 then
      call('HSET', flow.key, 'finished', now)
      add_work(WORK_ENDED .. flow.id)
    end
  end

  local function end_node(node)
    local flow, outcome = node.flow, outcome_of(node)
    node.outcome = outcome
    change_node(node)
    if outcome == FAILED and flow.stops and not flow.stopped then
      flow.stopped = node.cause
      call('HSET', flow.key, 'stopped', node.cause)
      add_task(flow.id, 'x', '0')
      add_work(WORK_STOP .. flow.id)
    end
    if node.edges ~= '' then add_task(flow.id, 'e', 'n' .. node.i, 1, outcome, node.cause) end
    count_node(flow)
  end

  -- The node can no longer run: a replica cancels its jobs, and records them.
  local function doom(node, code, cause)
    node.phase, node.cause = code, cause
    change_node(node)
    if has_ended(node) then end_node(node) else add_work(WORK_DOOMED .. node.flow.id .. ' ' .. node.i) end
  end

  local function start(node)
    local flow = node.flow
    -- The callbacks of a cancelled batch are sent as usual
    if flow.is_cancelled and flow.kind ~= KIND_BATCH then return doom(node, DOOM_CANCELLED, '') end
    if flow.stopped and node.when == WHEN_SUCCEEDED then return doom(node, DOOM_DEPENDENCY_FAILED, flow.stopped) end
    if node.is_unneeded ~= UNSET then return doom(node, DOOM_NOT_NEEDED, '') end
    node.phase = RUNNING
    change_node(node)
    if has_ended(node) then end_node(node)
    elseif node.batch then add_task(flow.id, 's', 'n' .. node.i)
    else released[#released + 1] = node.id end
  end

  local function wait_for_less(node)
    node.waits_for = node.waits_for - 1
    change_node(node)
    if node.waits_for == 0 then start(node) end
  end

  -- A node that `node` waits for has ended.
  local function pass(node, edge, outcome, cause)
    if not is_undecided(node) then return end
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
    for name, edge in gmatch(edges, '(n%d+)(%l)') do
      local node = edge == EDGE_FIRST_FAILURE and node_of(flow, name)
      if is_undecided(node) then
        node.is_met = '1'
        wait_for_less(node)
      end
    end
  end

  -- Starts the job of a node that waits only for one that has completed, if the text of the node shows this.
  local function start_next(flow, name)
    local text = flow.nodes[name]
    if type(text) ~= 'string' or flow.is_cancelled or flow.stopped then return false end
    local job_at = match(text, NEXT_JOB)
    if not job_at then return false end
    flow.nodes[name] = STARTED .. sub(text, #STARTED + 1)
    flow.changed[#flow.changed + 1] = name
    released[#released + 1] = sub(text, job_at, job_at + ID_END - 1)
    return true
  end

  local function pass_all(flow, task)
    local from_node, at, is_completed = node_of(flow, task.where), task.position, task.outcome == COMPLETED
    local edges = from_node and from_node.edges or ''
    while at <= #edges do
      local room, targets, kinds, n, last = MAX_STEPS - steps, {}, {}, 0, nil
      if room <= 0 then return add_task(flow.id, 'e', task.where, at, task.outcome, task.cause) end
      repeat
        n = n + 1
        last, targets[n], kinds[n] = select(2, find(edges, '^(n%d+)(%l),?', at))
        at = last + 1
      until n >= room or at > #edges
      steps = steps + read_nodes(flow, targets) + n * EDGE_STEPS
      for nth = 1, n do
        local name, kind = targets[nth], kinds[nth]
        if not (is_completed and kind ~= EDGE_FIRST_FAILURE and start_next(flow, name)) then pass(node_of(flow, name), kind, task.outcome, task.cause) end
      end
    end
  end

  -- After a node has failed, and on_failure is "stop", the nodes that have not started are cancelled, except clean-up;
  -- after somebody has cancelled the flow, all of them.
  local function doom_waiting(flow, from)
    while from < flow.size do
      local room, names = math.ceil(MAX_STEPS - steps), {}
      if room <= 0 then return add_task(flow.id, 'x', from) end
      for i = from, math.min(flow.size, from + room) - 1 do names[#names + 1] = 'n' .. i end
      steps = steps + read_nodes(flow, names) + #names * EDGE_STEPS
      for _, name in ipairs(names) do
        local node = node_of(flow, name)
        if is_undecided(node) then
          if flow.is_cancelled then doom(node, DOOM_CANCELLED, '')
          elseif node.when == WHEN_SUCCEEDED then doom(node, DOOM_DEPENDENCY_FAILED, flow.stopped) end
        end
      end
      from = from + #names
    end
  end

  -- Starts the jobs of a node from a position on.
  local function release(flow, name, position)
    local most, n, at, node = math.max(1, MAX_STEPS - steps), 0, position, node_of(flow, name)
    local ids = node and (node.batch and call('HGET', flow.key, 'i' .. node.i) or node.id .. ' 1') or ''
    for first, count in gmatch(ids, '([^ ,]+) (%d+)') do
      local size, common, counter = tonumber(count), sub(first, 1, ID_END - 8), tonumber(sub(first, ID_END - 7), 16)
      while at < size and n < most do
        released[#released + 1] = common .. format('%08x', counter + at)
        at, n, steps = at + 1, n + 1, steps + 1
      end
      if at < size then return add_task(flow.id, 's', name, position + n) end
      at = at - size
    end
  end

  local function run_tasks()
    while todo[n_done + 1] and steps < MAX_STEPS do
      n_done = n_done + 1
      local task = todo[n_done]
      local flow = flow_of(task.flow)
      if task.what == 'e' then pass_all(flow, task)
      elseif task.what == 's' then release(flow, task.where, task.position)
      else doom_waiting(flow, tonumber(task.where)) end
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

  -- Counts a job that has completed as the end of its node, if the text of the node shows that this is all.
  local function complete_job(flow, name)
    local text = flow.nodes[name]
    if type(text) ~= 'string' then return false end
    local job_at = match(text, RUNNING_JOB)
    if not job_at then return false end
    flow.nodes[name] = COMPLETES .. sub(text, #COMPLETES + 1)
    flow.changed[#flow.changed + 1] = name
    local edges_at = job_at + ID_END + 1
    local target, kind = match(text, '^(n%d+)(%l)|', edges_at)
    if target and flow.nodes[target] and steps < MAX_STEPS then
      steps = steps + EDGE_STEPS
      pass(node_of(flow, target), kind, COMPLETED, '')
    elseif sub(text, edges_at, edges_at) ~= '|' then
      add_task(flow.id, 'e', name, 1, COMPLETED)
    end
    count_node(flow)
    return true
  end

  -- kept: "r" and the result of a job of the node, or "e" and its error, or ""
  local function keep_of(node, kept)
    local kept_as = sub(kept, 1, 1)
    if kept ~= '' and (kept_as == 'e' or not node.batch) then keep(node.flow.id, kept_as .. node.i, sub(kept, 2)) end
  end

  -- Counts n jobs that have ended; `id` is the first. Returns whether it is the first of its node that has failed.
  local function count_jobs(node, id, verdict, n)
    local batch, is_first_failure = node.batch, verdict == FAILED
    if batch then
      is_first_failure = is_first_failure and batch[FAILED] == 0
      batch.unended, batch[verdict], batch.is_changed = batch.unended - n, batch[verdict] + n, true
    else
      is_first_failure = is_first_failure and node.verdict == UNSET
      if node.verdict == UNSET then node.verdict = verdict end
    end
    if verdict ~= COMPLETED and (is_first_failure or node.cause == '') and (node.phase == UNSET or node.phase == RUNNING) then node.cause = id .. '/' .. node.i end
    return is_first_failure
  end

  -- Jobs of a node were counted.
  local function note_counted(node, is_first_failure)
    if is_first_failure and node.batch then pass_first_failure(node.flow, node.edges) end
    change_node(node)
    end_if_done(node)
  end

  -- Counts jobs of a node that have ended, and that no script has counted. A repeat changes nothing. counted, late: by
  -- verdict, what the node counted when the caller looked, and how many more; first: by verdict, an id. Returns whether
  -- they are counted now.
  local function count_late(id, name, counted, late, first, kept)
    local node = node_of(flow_of(id), name)
    if not node or node.outcome ~= UNSET or has_ended(node) then return false end
    for verdict, n in pairs(counted) do
      if node.batch and node.batch[verdict] ~= n then return false end
    end
    for _, each in ipairs(kept) do keep_of(node, each) end
    local is_first_failure = false
    for _, verdict in ipairs({ FAILED, CANCELLED, COMPLETED }) do
      if late[verdict] > 0 and count_jobs(node, first[verdict], verdict, late[verdict]) then is_first_failure = true end
    end
    note_counted(node, is_first_failure)
    return true
  end

  -- A job has ended, for good. member: the flow, a space and the field of its node; kept as in keep_of
  local function note_end(member, id, verdict, kept)
    local n = #ended
    ended[n + 1], ended[n + 2], ended[n + 3], ended[n + 4] = member, id, verdict, kept
  end

  -- Counts the ends of jobs of one node. at: the index of the first in `ended`; following: that of the next, by index
  local function count_node_ends(flow, name, at, following)
    if not following[at] and ended[at + 2] == COMPLETED and ended[at + 3] == '' and complete_job(flow, name) then return end
    local node, is_first_failure = node_of(flow, name), false
    if not node then return end -- the jobs end all the same
    repeat
      keep_of(node, ended[at + 3])
      if count_jobs(node, ended[at + 1], ended[at + 2], 1) then is_first_failure = true end
      at = following[at]
    until not at
    note_counted(node, is_first_failure)
  end

  -- Counts the ends that were noted: those of one node together, when its first is due.
  local function count_ends()
    local order, last_of, following, wanted = {}, {}, {}, {}
    for at = 1, #ended, 4 do
      local member = ended[at]
      local before = last_of[member]
      if before then following[before] = at
      else
        local flow = flow_of(sub(member, 1, ID_END))
        local names = wanted[flow]
        if not names then names = {}; wanted[flow] = names end
        names[#names + 1] = sub(member, ID_END + 2)
        order[#order + 1] = at
      end
      last_of[member] = at
    end
    for flow, names in pairs(wanted) do read_nodes(flow, names) end
    for _, at in ipairs(order) do
      count_node_ends(flow_of(sub(ended[at], 1, ID_END)), sub(ended[at], ID_END + 2), at, following)
      run_tasks()
    end
  end

  -- Jobs of a node have ended: a group as note_end makes it.
  local function note_ends(group) order[#order + 1] = group end

  -- Nobody adds jobs to a batch any more.
  local function end_batch(flow)
    local node = node_of(flow_of(flow), 'n0')
    if node then end_if_done(node) end
  end

  -- Goes on with what the last call left.
  local function resume(flow)
    for _, task in ipairs(call('LRANGE', ns .. 'ft:' .. flow, 0, -1)) do
      local what, where, position, outcome, cause = match(task, '^(%l) (%w+) (%d+) (%l?) ?(%S*)$')
      add_task(flow, what, where, tonumber(position), outcome, cause)
    end
    call('DEL', ns .. 'ft:' .. flow)
    call('ZREM', flow_work, WORK_ADVANCE .. flow)
  end

  local function leave_tasks()
    local left = {}
    for nth = n_done + 1, #todo do
      local task = todo[nth]
      local tasks = left[task.flow] or {}
      left[task.flow] = tasks
      tasks[#tasks + 1] = task.what .. ' ' .. task.where .. ' ' .. task.position .. ' ' .. task.outcome .. ' ' .. task.cause
    end
    for flow, tasks in pairs(left) do
      for from = 1, #tasks, 1000 do call('RPUSH', ns .. 'ft:' .. flow, unpack(tasks, from, math.min(from + 999, #tasks))) end
      add_work(WORK_ADVANCE .. flow)
    end
  end

  -- To be called once, after all other changes of the call. Returns whether there is work for a replica.
  local function finish()
    run_tasks()
    count_ends()
    if #released > 0 then release_jobs(released) end
    for _, flow in pairs(known) do store_flow(flow) end
    leave_tasks()
    return has_work
  end

  return { note_end = note_end, count_late = count_late, end_batch = end_batch, add_work = add_work, add_task = add_task, resume = resume, finish = finish }
end

