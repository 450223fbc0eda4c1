#!lua flags=allow-oom
-- Changes a flow. A repeat changes nothing.
-- KEYS: 1 namespace
-- ARGV: 1 "cancel": cancel it as a whole, and close an open batch · "close": close an open batch · "extend": note how far
--         the caller is with a piece of work, and give it more time
--       2 the flow
--       of "close": 3 who closes it · of "extend": 3 the member of flow_work · 4 the position · 5 how long (ms)
-- Returns: 0 if Redis does not have it; 1 if this call has changed it; 2 if there was nothing to change: it has ended, or
--          is closed; then 1 if there is work for a replica, else 0
local ns, what, flow = KEYS[1], ARGV[1], ARGV[2]
local call = redis.call
local key, flow_work = ns .. 'f:' .. flow, ns .. 'flow_work'
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
