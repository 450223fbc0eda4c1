#!lua flags=allow-oom
-- Settles attempts of one replica: terminal verdicts move jobs from leased to the outbox, the others make them wait.
-- KEYS: 1 namespace
-- ARGV: 1 replica
--       2 how long it owns its entries in the outbox (ms)
--       3 number of arguments that follow up to the callbacks
--       then, by the first character (OPCODE in codes.ts):
--       ">" the type of the attempts that follow
--       "=" a terminal state code, and the header that Redis most likely stores for the attempts that follow. Only its
--           state changes, so these attempts have no header; "=" alone ends that
--       "@" when to retry the one attempt that follows (ms), "|", its priority, ">" if its payload is large
--       "*" the flow, a space and the field of the node of the attempts that follow, up to the next "*" or ">"; "*" alone
--           for none
--       "!" what the flow keeps of the one attempt that follows: "r" and its result, or "e" and its error
--       an attempt: its id (36), the job's new header, which contains the token of the lease, and its record (a newline
--           and one line, or nothing). The state in that header is the verdict: a terminal one, retrying, or queued
--           (released)
--       then callbacks, each enqueued if its attempt was settled: index of the attempt from 0, id, type, packed
--       submission
-- Returns: now (ms), then SETTLE_CODE of each attempt in one string; then 1 if there is work for flows
local ns, replica, own, n = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local COUNT_OF = { [COMPLETED] = 'completed:', [FAILED] = 'failed:', [CANCELLED] = 'cancelled:' } -- by terminal state
local codes, counts, left, after, becomes, outbox, woken, settled, ended = {}, {}, {}, {}, {}, {}, {}, 0, 0
local type_counts = {} -- by type: attempts that leave running, and terminal verdicts
local owned_until = string.format('%.0f', now + own) -- formatted once: Redis would format a number for each job

local function count(field, by) counts[field] = (counts[field] or 0) + by end

-- Makes a job wait again. Returns its state: retrying or queued.
local function wait_again(id, job_type, state, retry)
  local retry_at, priority, large = string.match(retry, '^@(%d+)|(%d)(>?)$')
  local run_at = retry_due_at(tonumber(retry_at), state)
  if byte(state) ~= QUEUED_BYTE then call('ZADD', ns .. 'index', 0, ATTEMPTED .. id) end
  if run_at > now then
    call('ZADD', ns .. 'scheduled', run_at, id)
    count('retrying:' .. job_type, 1)
    if is_watched then changed(RETRYING, id, job_type) end
    return RETRYING
  end
  local bucket = job_type .. ':' .. priority
  -- A released job goes to the front: it has waited already
  local vtime = tonumber(call('HGET', ns .. 'vtime', bucket) or 0)
  if byte(state) ~= QUEUED_BYTE then
    local group = string.match(start_of(id), '^[%w_]+|%d+>?%d*|([^|]*)|', TYPE)
    vtime = math.max(vtime, tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group) or 0)) + 1
    call('ZADD', ns .. 'fair:' .. bucket, vtime, group)
  end
  woken[job_type] = true
  if is_watched then changed(QUEUED, id, job_type) end
  call('ZADD', ns .. 'ready:' .. job_type, score_of(priority, vtime, state, large ~= ''), id)
  return QUEUED
end

local expected -- the header that Redis most likely holds of the attempts at hand, or false

local function settle(job_type, type_count, id, state, before, retry)
  local is_plain = before and before == expected -- true for most jobs: they need none of the checks below
  local verdict = sub(state, STATE, STATE_END)
  if not is_plain then
    if not before or sub(before, TOKEN, TOKEN_END) ~= sub(state, TOKEN, TOKEN_END) then return SETTLE_STALE end
    if byte(before) ~= RUNNING_BYTE then return SETTLE_REPEATED end
    if byte(before, CANCEL) == CANCEL_REQUESTED_BYTE and verdict ~= COMPLETED and verdict ~= CANCELLED then return SETTLE_CANCEL_REQUESTED end
  end
  local is_end = COUNT_OF[verdict]
  settled = settled + 1
  left[settled] = id
  type_count.settled = type_count.settled + 1
  if is_end then
    ended = ended + 1
    outbox[2 * ended - 1] = owned_until; outbox[2 * ended] = id
    type_count[verdict] = type_count[verdict] + 1
    if is_watched then changed(verdict, id, job_type) end
  end
  -- Keep what the caller cannot know: a cancel request, the latest progress, earlier records.
  if not is_plain and (not is_end or #before > HEADER_END or sub(before, CANCEL, PROGRESS_END) ~= UNTOUCHED) then
    local state_after = is_end and verdict or wait_again(id, job_type, state, retry)
    state = state_after .. sub(state, ATTEMPT, COUNTERS_END) .. sub(before, CANCEL) .. sub(state, RECORDS)
  end
  after[2 * settled - 1] = id; after[2 * settled] = state
  becomes[id] = state
  return SETTLE_DONE
end

local IS_OPCODE = { [OP_COMMON_BYTE] = true, [OP_RUN_AT_BYTE] = true, [OP_EXPECTED_BYTE] = true, [OP_MEMBER_BYTE] = true, [OP_KEPT_BYTE] = true }
local ids = {}
for at = 4, 3 + n do
  local arg = ARGV[at]
  local opcode = byte(arg)
  if not IS_OPCODE[opcode] then ids[#ids + 1] = sub(arg, 1, ID_END)
  -- Before anything changes: a script that fails keeps its writes
  elseif opcode == OP_RUN_AT_BYTE and not string.match(arg, '^@%d+|%d>?$') then error('no time and priority: ' .. arg) end
end
local job_type, type_count, known, retry, header
local member, kept, flows -- nil for most jobs
local last = 0
for at = 4, 3 + n do
  local arg = ARGV[at]
  local opcode = byte(arg)
  if opcode == OP_COMMON_BYTE then
    job_type = sub(arg, 2)
    type_count = type_counts[job_type] or { settled = 0, [COMPLETED] = 0, [FAILED] = 0, [CANCELLED] = 0 }
    type_counts[job_type] = type_count
    member = nil
  elseif opcode == OP_RUN_AT_BYTE then
    retry = arg
  elseif opcode == OP_EXPECTED_BYTE then
    expected = #arg > 1 and sub(arg, 3)
    header = expected and sub(arg, 2, 2) .. sub(expected, ATTEMPT)
  elseif opcode == OP_MEMBER_BYTE then
    member = #arg > 1 and sub(arg, 2)
  elseif opcode == OP_KEPT_BYTE then
    kept = sub(arg, 2)
  else
    if last % 1000 == 0 then known = call('HMGET', states, unpack(ids, last + 1, math.min(last + 1000, #ids))) end
    last = last + 1
    local id = ids[last]
    local state = sub(arg, ID_END + 1)
    if expected then state = header .. state end
    codes[last] = settle(job_type, type_count, id, state, becomes[id] or known[(last - 1) % 1000 + 1], retry)
    if member then
      local verdict = sub(state, STATE, STATE_END)
      if codes[last] == SETTLE_DONE and COUNT_OF[verdict] then
        flows = flows or open_flows()
        flows.note_end(member, id, verdict, kept or '')
      end
      kept = nil
    end
  end
end
for job_type, type_count in pairs(type_counts) do
  if type_count.settled > 0 then count('running:' .. job_type, -type_count.settled) end
  for verdict, name in pairs(COUNT_OF) do
    if type_count[verdict] > 0 then count(name .. job_type, type_count[verdict]) end
  end
end
for at = 4 + n, #ARGV, 4 do
  local callback_type = ARGV[at + 2]
  if codes[tonumber(ARGV[at]) + 1] == SETTLE_DONE and enqueue_callback(ARGV[at + 1], callback_type, ARGV[at + 3]) then
    count('accepted:' .. callback_type, 1)
    woken[callback_type] = true
  end
end
for i = 1, #left, 1000 do call('ZREM', ns .. 'leased', unpack(left, i, math.min(i + 999, #left))) end
for i = 1, #after, 1000 do call('HSET', states, unpack(after, i, math.min(i + 999, #after))) end
for i = 1, #outbox, 1000 do call('ZADD', ns .. 'outbox', unpack(outbox, i, math.min(i + 999, #outbox))) end
for woken_type in pairs(woken) do wake(woken_type) end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
if ended > 0 then
  local minute = ns .. 'ended:' .. math.floor(now / 60000)
  if call('INCRBY', minute, ended) == ended then call('EXPIRE', minute, 1200) end -- kept for the rate over 15 minutes
end
local has_work = flows and flows.finish()
announce()
return { now, table.concat(codes), has_work and 1 or nil }
