#!lua
-- Replaces the submissions of jobs that do not run, and moves the jobs to where they then belong. A job that waits for
-- others of its flow continues to wait. A job that is not exactly as
-- the caller read it stays as it is. It lacks allow-oom: a full Redis rejects the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: for each job:
--       1 id
--       2 as read: its state code, followed by the token of its last lease (or nothing)
--       3 as read: the packed submission from the priority up to the payload
--       4 the new packed submission up to the payload; the state that it begins with is ignored
--       5 "" if the payload stays, "=" and the new payload, or "^" and the name of a large one that was stored under
--         u:<name>, with an expiry
--       6 when to run it (ms; 0 is now), or "" to leave that unchanged
--       7 how many members of "index" to remove, 8 how many to add, then the members
-- Returns: for each job, in one string: its state code after the call, or NOT_UPDATED if it stayed as it was
local ns = KEYS[1]
local call, sub, byte = redis.call, string.sub, string.byte
local next_due = tonumber(call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')[2] or math.huge)
local codes, counts, woken = {}, {}, {}
local COUNT_OF = { [SCHEDULED] = 'scheduled:', [RETRYING] = 'retrying:' }

local function count(state, job_type, by)
  if COUNT_OF[state] then counts[COUNT_OF[state] .. job_type] = (counts[COUNT_OF[state] .. job_type] or 0) + by end
end

-- Stores the new submission, and its state.
local function store(id, packed, before, after, state, payload, known)
  if payload ~= '' and size_of(SCHEDULED .. known) then call('UNLINK', payloads .. id) end
  if byte(payload) == OP_STORED_PAYLOAD_BYTE then
    call('RENAME', ns .. 'u:' .. sub(payload, 2), payloads .. id)
    call('PERSIST', payloads .. id)
  end
  if payload ~= '' or sub(packed, PRIORITY) ~= known then
    local small = byte(payload) == OP_EXPECTED_BYTE and sub(payload, 2) or payload == '' and call('GETRANGE', jobs .. id, 1 + #known, -1) or ''
    call('SET', jobs .. id, (state and QUEUED or after) .. sub(packed, PRIORITY) .. small)
  elseif not state and after ~= before then
    call('SETRANGE', jobs .. id, 0, after)
  end
  if state and after ~= before then call('HSET', states, id, after .. sub(state, ATTEMPT)) end
end

-- Moves a job between the sets, or within its set.
local function move(id, packed, before, after, state, due, known)
  local job_type, old_priority, priority = type_of(packed), sub(known, 1, 1), sub(packed, PRIORITY, PRIORITY_END)
  local was_large, is_large = size_of(SCHEDULED .. known) ~= nil, size_of(packed) ~= nil
  local ready = ns .. 'ready:' .. job_type
  if before == WAITING then
    if due then call('ZADD', ns .. 'waiting', due, id) end
    return
  end
  if before == QUEUED and after == QUEUED and priority == old_priority then -- it keeps its turn
    if was_large == is_large or is_poison_candidate(state) then return end
    call('ZADD', ready, call('ZSCORE', ready, id) + (is_large and LARGE or -LARGE), id)
    woken[job_type] = true
    return
  end
  if before == QUEUED then
    call('ZREM', ready, id)
    drop_order_if_empty(job_type, old_priority)
  end
  if after == QUEUED then
    if before ~= QUEUED then call('ZREM', ns .. 'scheduled', id) end
    join_ready(id, packed, state, is_large)
    woken[job_type] = true
  elseif due then
    call('ZADD', ns .. 'scheduled', due, id)
    if due < next_due then next_due = due; woken[job_type] = true end -- a replica learns when to claim
  end
  if before == after then return end
  count(before, job_type, -1)
  count(after, job_type, 1)
  if is_watched then changed(after, id, job_type) end
end

-- Returns the code of one job.
local function update(id, position, known, packed, payload, due)
  local current, state = call('GETRANGE', jobs .. id, 0, #known), call('HGET', states, id)
  local before = sub(state or current, STATE, STATE_END)
  local token = state and sub(state, TOKEN, TOKEN_END) or ''
  if sub(current, PRIORITY) ~= known or before .. token ~= position then return NOT_UPDATED end
  if byte(payload) == OP_STORED_PAYLOAD_BYTE and call('EXISTS', ns .. 'u:' .. sub(payload, 2)) == 0 then return NOT_UPDATED end
  local after = before
  if due and before ~= WAITING then after = due <= now and QUEUED or state and RETRYING or SCHEDULED end
  store(id, packed, before, after, state, payload, known)
  move(id, packed, before, after, state, due, known)
  return after
end

local at = 1
while at <= #ARGV do
  local code = update(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], tonumber(ARGV[at + 5]))
  local first, removed, added = at + 8, tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  for i = first, first + removed + added - 1 do
    if code == NOT_UPDATED then break end
    if i < first + removed then call('ZREM', ns .. 'index', ARGV[i]) else call('ZADD', ns .. 'index', 0, ARGV[i]) end
  end
  codes[#codes + 1] = code
  at = first + removed + added
end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
for job_type in pairs(woken) do wake(job_type) end
announce()
return table.concat(codes)
