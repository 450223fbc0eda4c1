#!lua flags=allow-oom
-- Looks through flows for ends of jobs that they have not counted: a replica of an earlier version counts none. Also puts
-- back work of flows that is missing.
-- KEYS: 1 namespace
-- ARGV: 1 the flow after which it continues, or "" · 2 how many flows at most
-- Returns: the last flow that it looked at, or "" if there are no more; 1 if there is new work for a replica, else 0; then
--          for each flow whose hash is gone its id, and for each node that counts more jobs that have not ended than are
--          live: its flow, a space and its index
local ns, after = KEYS[1], ARGV[1]
local call, sub, match, gmatch, format = redis.call, string.sub, string.match, string.gmatch, string.format
local MAX_STEPS = 1000 -- nodes, and ranges of ids: some two milliseconds
local NODES_PER_READ = 500
local steps, has_work, found = 0, 0, {}

local function put_back(member)
  if call('ZADD', ns .. 'flow_work', 'NX', now, member) == 1 then has_work = 1 end
end

-- How many jobs of these ranges are live. A job leaves `live` after Postgres has its row.
local function live_in(ranges)
  local n = 0
  for first, count in gmatch(ranges, '([^ ,]+) (%d+)') do
    local last = sub(first, 1, ID_END - 8) .. format('%08x', tonumber(sub(first, ID_END - 7), 16) + count - 1)
    n = n + call('ZLEXCOUNT', ns .. 'live', '[' .. first, '[' .. last)
    steps = steps + 1
  end
  return n
end

local function check_node(flow, i, text, unended, ids)
  steps = steps + 1
  local phase, outcome, verdict, kind, id = match(text or '', '^(.)(.)(.)[^|]*|[^|]*|(.)[^|]*|([^|]*)|')
  if outcome ~= UNSET then return end
  if phase ~= UNSET and phase ~= RUNNING then put_back(WORK_DOOMED .. flow .. ' ' .. i) end
  if kind == NODE_JOB then unended, ids = verdict == UNSET and 1 or 0, id .. ' 1' end
  unended = tonumber(unended or 0)
  if unended == 0 then return end
  local live = live_in(ids or '')
  if live < unended and i == 0 then
    for _, range in ipairs(call('LRANGE', ns .. 'fi:' .. flow, 0, -1)) do live = live + live_in(range) end
  end
  if live < unended then found[#found + 1] = flow .. ' ' .. i end
end

local function check(flow)
  local key = ns .. 'f:' .. flow
  local nodes, left = unpack(call('HMGET', key, 'nodes', 'left'))
  if not nodes then found[#found + 1] = flow return end
  if left == '0' then return put_back(WORK_ENDED .. flow) end
  if call('EXISTS', ns .. 'ft:' .. flow) == 1 then put_back(WORK_ADVANCE .. flow) end
  for from = 0, nodes - 1, NODES_PER_READ do
    local fields, to = {}, math.min(from + NODES_PER_READ, nodes) - 1
    for i = from, to do
      for _, field in ipairs({ 'n', 'c', 'i' }) do fields[#fields + 1] = field .. i end
    end
    local values = call('HMGET', key, unpack(fields))
    for i = from, to do
      local at = 3 * (i - from)
      check_node(flow, i, values[at + 1], values[at + 2], values[at + 3])
    end
  end
end

local flows = call('ZRANGE', ns .. 'flows', after == '' and '-' or '(' .. after, '+', 'BYLEX', 'LIMIT', 0, ARGV[2])
local n = 0
while n < #flows and steps < MAX_STEPS do
  n = n + 1
  check(flows[n])
end
return { n < tonumber(ARGV[2]) and n == #flows and '' or flows[n], has_work, unpack(found) }
