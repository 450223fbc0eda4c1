#!lua flags=allow-oom
-- Changes a flow. A repeat changes nothing.
-- KEYS: 1 namespace
-- ARGV: 1 "cancel": cancel it as a whole, and close an open batch · "close": close an open batch · "extend": note how far
--         the caller is with a piece of work, and give it more time · "drop": what was prepared for a retry is to be cancelled
--         · "dropped": it is cancelled
--       2 the flow
--       of "close": 3 who closes it · of "drop": 3 the retry
--       of "extend": 3 the member of flow_work · 4 the position · 5 how long (ms)
-- Returns: 0 if Redis does not have it; 1 if this call has changed it; 2 if there was nothing to change: it has ended, or
--          is closed; then 1 if there is work for a replica, else 0
local ns, what, flow = KEYS[1], ARGV[1], ARGV[2]
local call = redis.call
local key, prepared, flow_work = ns .. 'f:' .. flow, ns .. 'fp:' .. flow, ns .. 'flow_work'
if what == 'drop' then
  if call('HGET', prepared, 'retry') ~= ARGV[3] or call('HEXISTS', prepared, 'dropped') == 1 then return { 2, 0 } end
  call('ZADD', flow_work, now, WORK_PREPARED .. flow)
  return { 1, 1 }
elseif what == 'dropped' then
  call('ZREM', flow_work, WORK_PREPARED .. flow)
  return { call('DEL', prepared), 0 }
end
if what == 'extend' and string.sub(ARGV[3], 1, 1) == WORK_PREPARED then
  return { call('ZADD', flow_work, 'XX', 'CH', now + ARGV[5], ARGV[3]), 0 }
end
local left, is_open, kind = unpack(call('HMGET', key, 'left', 'open', 'kind'))
if not left then return { 0, 0 } end
local flows = open_flows()

local function close(by)
  call('HDEL', key, 'open')
  call('HSET', key, 'closed', by)
  call('ZREM', flow_work, WORK_CLOSE .. flow)
  flows.end_batch(flow)
end

local code = 2
if what == 'extend' then
  if call('ZSCORE', flow_work, ARGV[3]) then
    call('ZADD', flow_work, now + ARGV[5], ARGV[3])
    call('HSET', key, 'position:' .. string.sub(ARGV[3], 1, 1), ARGV[4])
    code = 1
  end
elseif left ~= '0' then
  if what == 'cancel' then
    code = 1
    if call('HSET', key, 'cancel', '1') == 1 then
      flows.add_work(WORK_CANCEL .. flow)
      if kind ~= KIND_BATCH then flows.add_task(flow, 'x', '0') end
    end
    if is_open then close('caller') end
  elseif is_open then
    code = 1
    close(ARGV[3])
  end
end
local has_work = flows.finish()
announce()
return { code, has_work and 1 or 0 }
