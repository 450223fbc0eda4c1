-- The nodes of flows, as one call sees them. Not a verb: scripts.ts inserts it before flow.lua. A call reads each node once,
-- many with one command, and writes all changes at its end. A node is the text of its field until somebody needs more of it
-- than that text. Its name here is that of its field, "n" and its index.

-- A node from the text of its field (flow-fields.ts); of a batch, with the counts of its jobs. False for another text.
local function decoded_node(flow, name, text)
  local phase, outcome, verdict, is_met, is_unneeded, waits_for, conditions, cause, fixed, kind, when, most, id, edges =
    string.match(text, '^(.)(.)(.)(.)(.)(%d+) (%d+)|([^|]*)|((.)(.)(%d+)|([^|]*)|([^|]*)|.*)$')
  if not phase then return false end
  local i, batch = string.sub(name, 2), nil
  if kind == NODE_BATCH then
    local counts = redis.call('HMGET', flow.key, 'c' .. i, 'o' .. i, 'f' .. i, 'x' .. i)
    batch = {
      most = tonumber(most), unended = tonumber(counts[1] or 0), [COMPLETED] = tonumber(counts[2] or 0),
      [FAILED] = tonumber(counts[3] or 0), [CANCELLED] = tonumber(counts[4] or 0), is_changed = false,
    }
  end
  return {
    flow = flow, i = i, phase = phase, outcome = outcome, verdict = verdict, is_met = is_met, is_unneeded = is_unneeded, waits_for = waits_for,
    conditions = conditions, cause = cause, fixed = fixed, when = when, id = id, edges = edges, batch = batch, is_changed = false,
  }
end

local function encoded_node(node)
  return node.phase .. node.outcome .. node.verdict .. node.is_met .. node.is_unneeded .. node.waits_for .. ' ' .. node.conditions .. '|' .. node.cause .. '|' .. node.fixed
end

-- Reads nodes, unless they were read. Those of a flow that somebody has evicted are false. Returns how many it has read.
local function read_nodes(flow, wanted)
  local nodes, new, n = flow.nodes, {}, 0
  for at = 1, #wanted do
    local name = wanted[at]
    if nodes[name] == nil then
      n = n + 1
      nodes[name], new[n] = false, name
    end
  end
  for from = 1, n, 1000 do
    local texts = redis.call('HMGET', flow.key, unpack(new, from, math.min(from + 999, n)))
    for at = 1, #texts do nodes[new[from + at - 1]] = texts[at] end
  end
  return n
end

-- A node, or false if somebody has evicted the flow.
local function node_of(flow, name)
  local nodes = flow.nodes
  if nodes[name] == nil then read_nodes(flow, { name }) end
  if type(nodes[name]) == 'string' then nodes[name] = decoded_node(flow, name, nodes[name]) end
  return nodes[name]
end

-- To be called for each node that changes.
local function change_node(node)
  if node.is_changed then return end
  node.is_changed = true
  local changed = node.flow.changed
  changed[#changed + 1] = 'n' .. node.i
end

-- Writes what has changed in a flow.
local function store_flow(flow)
  local values, n = {}, 0
  for _, name in ipairs(flow.changed) do
    local node = flow.nodes[name]
    values[n + 1], values[n + 2] = name, type(node) == 'string' and node or encoded_node(node)
    n = n + 2
    local batch = type(node) == 'table' and node.batch
    if batch and batch.is_changed then
      for field, count in pairs({ c = batch.unended, o = batch[COMPLETED], f = batch[FAILED], x = batch[CANCELLED] }) do
        values[n + 1], values[n + 2] = field .. node.i, count
        n = n + 2
      end
    end
  end
  if flow.has_ends then values[n + 1], values[n + 2] = 'left', flow.left end
  for from = 1, #values, 1000 do redis.call('HSET', flow.key, unpack(values, from, math.min(from + 999, #values))) end
end

