-- Stores new flows, and adds jobs to batches. Not a verb: scripts.ts inserts it into the script that enqueues jobs.

-- Sets the fields of a hash to the arguments from one to another: field, value …
local function set_fields(key, from, to)
  for at = from, to, 1000 do redis.call('HSET', key, unpack(ARGV, at, math.min(at + 999, to))) end
end

-- The index of the argument that follows those that describe a flow from `at` on; `at` for another argument.
local function after_flow(at)
  if string.byte(ARGV[at]) ~= OP_FLOW_BYTE then return at end
  local fields, kept, works = string.match(ARGV[at], ' (%d+) (%d+) (%d+)$')
  return at + 1 + fields + kept + works
end

-- Stores the flow that the arguments from `at` describe (flow-fields.ts), once. Returns whether it is new.
local function put_flow(flows, at)
  local ns, call = KEYS[1], redis.call
  local id, n_fields, n_kept, n_works = string.match(ARGV[at], '^.(%S+) (%d+) (%d+) (%d+)$')
  local key, kept_from = ns .. 'f:' .. id, at + 1 + n_fields
  local works_from = kept_from + n_kept
  if call('EXISTS', key) == 1 then return false end
  set_fields(key, at + 1, kept_from - 1)
  set_fields(ns .. 'fr:' .. id, kept_from, works_from - 1)
  call('ZADD', ns .. 'flows', 0, id)
  for work = works_from, works_from + n_works - 1, 2 do
    local time, member = ARGV[work], ARGV[work + 1]
    if time == '0' then flows.add_work(member)
    elseif time == TASK then flows.add_task(id, 's', member)
    else call('ZADD', ns .. 'flow_work', time, member) end
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
  local kind, is_open, is_cancelled, jobs_node, total = unpack(call('HMGET', ns .. 'f:' .. flow, 'kind', 'open', 'cancel', 'n0', 't0'))
  if kind ~= KIND_BATCH then return ADD_MISSING end
  local has_ended = string.sub(jobs_node, 2, 2) ~= UNSET
  if is_cancelled or has_ended or not is_open and not (from ~= '' and is_running_member(from, flow)) then return ADD_CLOSED end
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

