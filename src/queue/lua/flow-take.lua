#!lua flags=allow-oom
-- Takes work for flows that is due. Until the caller's time is over, no other replica gets it.
-- KEYS: 1 namespace
-- ARGV: 1 how long the caller has it (ms) · 2 how many at most
-- Returns: now (ms); when somebody must look next (ms), or "" without work; then the work: for each its member, and
--          of WORK_CANCEL and WORK_STOP: the position where it continues
--          of WORK_PREPARED: the ids of the jobs that were prepared
--          of WORK_DOOMED: DOOM_CODE, the job that is the cause and the name of its node (or ""), its ids
local ns, own = KEYS[1], tonumber(ARGV[1])
local call, sub, match, format = redis.call, string.sub, string.match, string.format
local flow_work, works = ns .. 'flow_work', {}

-- Drops what was prepared for a retry that did not take place in time. Returns nil if there is nothing.
local function prepared_work(member, key)
  if call('EXISTS', key) == 0 then return nil end
  call('HSET', key, 'dropped', '1')
  local fields, ranges = call('HGETALL', key), {}
  for i = 1, #fields, 2 do
    if #fields[i] == ID_END then ranges[#ranges + 1] = fields[i] .. ' ' .. fields[i + 1] end
  end
  return { member, table.concat(ranges, ',') }
end

-- Returns nil for a flow that is gone.
local function work_of(member)
  local what, flow, node = sub(member, 1, 1), match(member, '^.(%S+) ?(%d*)')
  if what == WORK_PREPARED then return prepared_work(member, ns .. 'fp:' .. flow) end
  local key = ns .. 'f:' .. flow
  if call('EXISTS', key) == 0 then return nil end
  if what == WORK_CANCEL or what == WORK_STOP then return { member, call('HGET', key, 'position:' .. what) or '0' } end
  if what ~= WORK_DOOMED then return { member } end
  local field, ranges = unpack(call('HMGET', key, 'n' .. node, 'i' .. node))
  local phase, cause, job = match(field or '', '^(.)[^|]*|([^|]*)|[^|]*|([^|]*)|')
  local id, by = match(cause or '', '^(%S+)/(%d+)$')
  local name = id and match(call('HGET', key, 'n' .. by) or '', '|([^|]*)$')
  return { member, phase or '', id or '', name or '', ranges or job and job .. ' 1' or '' }
end

-- After Redis's clock went back, taken work is too far ahead. The times of WORK_CLOSE and WORK_PREPARED may be any
for _, member in ipairs(call('ZRANGEBYSCORE', flow_work, '(' .. format('%.0f', now + own), '+inf', 'LIMIT', 0, 100)) do
  if sub(member, 1, 1) ~= WORK_CLOSE and sub(member, 1, 1) ~= WORK_PREPARED then call('ZADD', flow_work, now + own, member) end
end
for _, member in ipairs(call('ZRANGEBYSCORE', flow_work, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local work = work_of(member)
  if work then
    works[#works + 1] = work
    call('ZADD', flow_work, now + own, member)
  else
    call('ZREM', flow_work, member)
  end
end
return { now, call('ZRANGE', flow_work, 0, 0, 'WITHSCORES')[2] or '', works }
