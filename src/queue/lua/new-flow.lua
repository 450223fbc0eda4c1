-- Stores new flows, and adds jobs to batches. Not a verb: scripts.ts inserts it into the script that enqueues jobs.

-- The values of a part of an argument, between NULs; a kept result may be "".
local function values_of(part)
  local values = {}
  if part == '' then return values end
  for value in string.gmatch(part .. '\0', '([^%z]*)%z') do values[#values + 1] = value end
  return values
end

-- Stores the flow of an argument (flow-fields.ts) once. Returns whether it is new.
local function put_flow(flows, arg)
  local ns, call = KEYS[1], redis.call
  local id, fields, kept, work = string.match(arg, '^.([^\1]*)\1([^\1]*)\1([^\1]*)\1([^\1]*)$')
  local key = ns .. 'f:' .. id
  if call('EXISTS', key) == 1 then return false end
  flows.call_with('HSET', key, values_of(fields))
  local values = values_of(kept)
  for i = 2, #values, 2 do values[i] = string.sub(values[i], 2) end -- a mark stands before each: it may be empty
  flows.call_with('HSET', ns .. 'fr:' .. id, values)
  call('ZADD', ns .. 'flows', 0, id)
  local works = values_of(work)
  for i = 1, #works, 2 do
    if works[i] == '0' then flows.add_work(works[i + 1]) else call('ZADD', ns .. 'flow_work', works[i], works[i + 1]) end
  end
  if call('HGET', key, 'left') == '0' then
    call('HSET', key, 'finished', now)
    flows.add_work(WORK_ENDED .. id)
  end
  return true
end

-- Whether a job runs and belongs to a flow. Quotes inside strings of its options are escaped.
local function is_running_member(id, flow)
  local state = redis.call('HGET', states, id)
  if not state or string.sub(state, STATE, STATE_END) ~= RUNNING then return false end
  local member = string.match(string.match(redis.call('GET', jobs .. id) or '', '^[^\n]*'), '"flow":(%b{})')
  return member ~= nil and string.find(member, '"id":"' .. flow .. '"', 1, true) ~= nil
end

-- Why jobs cannot be added to a batch, or nil.
local function closed_to(arg)
  local ns, call = KEYS[1], redis.call
  local flow, n, from = string.match(arg, '^.(%S+) (%d+) ?(%S*)$')
  local kind, is_open, is_cancelled, ended, total = unpack(call('HMGET', ns .. 'f:' .. flow, 'kind', 'open', 'cancel', 'e0', 't0'))
  if kind ~= KIND_BATCH then return ADD_MISSING end
  if is_cancelled or ended or not is_open and not (from ~= '' and is_running_member(from, flow)) then return ADD_CLOSED end
  if total + n > MAX_BATCH or call('LLEN', ns .. 'fi:' .. flow) >= MAX_ADDITIONS then return ADD_FULL end
end

-- ADD_RUNNING if Redis has a flow, but not because of this retry.
local function runs_otherwise(arg, retry)
  local key = KEYS[1] .. 'f:' .. string.sub(arg, 2, ID_END + 1)
  return redis.call('EXISTS', key) == 1 and redis.call('HGET', key, 'retry') ~= retry and ADD_RUNNING
end

-- Adds the ids of jobs that follow to a batch. Returns whether they are new.
local function add_to_batch(arg, first)
  local ns, call = KEYS[1], redis.call
  local flow, n = string.match(arg, '^.(%S+) (%d+)')
  local range = first .. ' ' .. n
  if call('LPOS', ns .. 'fi:' .. flow, range) then return false end
  call('HINCRBY', ns .. 'f:' .. flow, 'c0', n)
  call('HINCRBY', ns .. 'f:' .. flow, 't0', n)
  call('RPUSH', ns .. 'fi:' .. flow, range)
  return true
end

