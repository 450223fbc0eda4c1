#!lua flags=no-writes,allow-oom
-- A part of the jobs that wait for others of a flow that is gone. Those that are prepared for a retry wait for it.
-- KEYS: 1 namespace
-- ARGV: 1 where it continues, "0" at first · 2 how many waiting jobs it looks at, about
-- Returns: where it continues, "0" after the last part; then for each such job: its id, the id of its flow
local ns, match = KEYS[1], string.match
local cursor, part = unpack(redis.call('ZSCAN', ns .. 'waiting', ARGV[1], 'COUNT', ARGV[2]))
local reply, is_there = { cursor }, {}

-- Quotes inside strings of the options are escaped.
local function flow_of(id)
  local start = start_of(id)
  local line = match(start, '^([^\n]*)\n') or match(redis.call('GET', jobs .. id) or '', '^[^\n]*')
  return match(match(line, '"flow":(%b{})') or '', '"id":"([^"]+)"')
end

for i = 1, #part, 2 do
  local flow = flow_of(part[i])
  if flow then
    if is_there[flow] == nil then is_there[flow] = redis.call('EXISTS', ns .. 'f:' .. flow, ns .. 'fp:' .. flow) > 0 end
    if not is_there[flow] then reply[#reply + 1] = part[i]; reply[#reply + 1] = flow end
  end
end
return reply
