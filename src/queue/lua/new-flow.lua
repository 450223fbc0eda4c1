-- Stores new flows, adds jobs to batches, and prepares jobs for retries. Not a verb: scripts.ts inserts it into the script that
-- enqueues jobs.

local PREPARED_MS = 60000 -- so long after the last of its jobs was prepared, a retry may take place

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

-- ADD_RUNNING if a retry cannot take place: Redis has the flow, but not because of this retry, or what was prepared is not for
-- it, or not all there. Otherwise, what was prepared belongs to the flow from now on.
local function refuse_retry(arg, retry)
  local ns, call, flow = KEYS[1], redis.call, string.sub(arg, 2, ID_END + 1)
  local id, jobs = string.match(retry, '^([^+]+)%+?(%d*)$')
  if call('EXISTS', ns .. 'f:' .. flow) == 1 then return call('HGET', ns .. 'f:' .. flow, 'retry') ~= id and ADD_RUNNING end
  local by, prepared, is_dropped = unpack(call('HMGET', ns .. 'fp:' .. flow, 'retry', 'jobs', 'dropped'))
  if not by and jobs == '' then return false end
  if by ~= id or prepared ~= jobs or is_dropped then return ADD_RUNNING end
  call('DEL', ns .. 'fp:' .. flow)
  call('ZREM', ns .. 'flow_work', WORK_PREPARED .. flow)
  return false
end

-- ADD_RUNNING if jobs cannot be prepared: Redis has the flow, or another retry is prepared, or what was prepared before is gone.
local function refuse_preparation(arg, first)
  local ns, call = KEYS[1], redis.call
  local flow, retry, position = string.match(arg, '^.(%S+) (%S+) (%d+)')
  local key = ns .. 'fp:' .. flow
  if call('EXISTS', ns .. 'f:' .. flow) == 1 then return ADD_RUNNING end
  local by, jobs, is_dropped = unpack(call('HMGET', key, 'retry', 'jobs', 'dropped'))
  if not by then return position ~= '0' and ADD_RUNNING end
  local is_in_turn = by == retry and (jobs == position or call('HEXISTS', key, first) == 1)
  return (is_dropped or not is_in_turn) and ADD_RUNNING
end

-- Notes the ids of jobs that follow, which are prepared for a retry. Returns whether they are new.
local function prepare(arg, first)
  local ns, call = KEYS[1], redis.call
  local flow, retry, n = string.match(arg, '^.(%S+) (%S+) %d+ (%d+)$')
  local key = ns .. 'fp:' .. flow
  if call('HSETNX', key, first, n) == 0 then return false end
  call('HSET', key, 'retry', retry)
  call('HINCRBY', key, 'jobs', n)
  call('ZADD', ns .. 'flow_work', now + PREPARED_MS, WORK_PREPARED .. flow)
  return true
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

