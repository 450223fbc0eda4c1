#!lua
-- Enqueues submissions, each once and as a whole. It may lease jobs that overtake no other job to the caller at once,
-- like a claim. It lacks allow-oom: a full Redis rejects the call before anything changes.
-- KEYS: 1 namespace
-- ARGV: 1 not_after (ms): later than that nothing changes
--       2 the caller's replica id if it runs jobs, else ""
--       3 claim number of such leases
--       4 lease (ms)
--       then, by the first character (OPCODE in codes.ts):
--       "^" first of all: an id whose payload was stored under p:<id>, with an expiry that this call removes
--       "+" a type: the caller has free slots for all its jobs in this call that have no run_at
--       a job: its id (36) and the packed submission, whose state is waiting after a "?1", else scheduled after a "@", else
--           queued
--       ">" type|priority|group of the jobs that follow · "@" run_at (ms) of the job that follows
--       "&" the names in the index of the jobs that follow, up to the next "&" or ">"; a NUL between two names
--       "#" n [key fingerprint ttl (ms)] [retry]: the next n arguments are one submission, of several jobs, with an
--           idempotency key, or with one of these first; retry: an id, if a flow that has ended runs again; then "+" and how many
--           jobs were prepared for it, if any were
--           "~" a flow, described by this argument and others that follow (flow-fields.ts): whether Redis has the flow
--           decides whether the submission is new
--           "%" flow n [from]: its n jobs are added to a batch that is open, or while the job `from` of it runs
--           "<" flow retry position n: its n jobs are prepared for a retry of a flow that has ended; position: how many were before
--       "?" "1" if the jobs that follow wait for other nodes of their flow, "" if they do not, up to the next "?"
-- Returns: now (ms), ENQUEUE_REPLY (unless it is "done", nothing has changed), a code for each job if any "+" was given
--          (else ""): running (leased to the caller), queued, scheduled or waiting, or "-" for a known job or a repeated
--          submission; then for each known key, for jobs that were not added to a batch, and for a retry of a flow that
--          runs: the index from 0 among the submissions with a key, for a batch, or of or for a retry, "replayed" | "conflict" |
--          ADD_REPLY, the first id
local ns, replica = KEYS[1], ARGV[2]
local call, sub, byte, format = redis.call, string.sub, string.byte, string.format
if is_late(ARGV[1]) then return { now, ENQUEUE_LATE } end

local at, large = 5, {}
while at <= #ARGV and byte(ARGV[at]) == OP_STORED_PAYLOAD_BYTE do
  local id = sub(ARGV[at], 2)
  if call('EXISTS', payloads .. id) == 0 then return { now, ENQUEUE_PAYLOAD_MISSING } end
  large[id] = true
  at = at + 1
end

local next_due = tonumber(call('ZRANGE', ns .. 'scheduled', 0, 0, 'WITHSCORES')[2] or math.huge)
local reply, live, n_live, scheduled, groups, types, current = { now, ENQUEUE_DONE, '' }, {}, 0, {}, {}, {}, nil
local IS_OPCODE = { [OP_COMMON_BYTE] = true, [OP_RUN_AT_BYTE] = true, [OP_LEASE_BYTE] = true, [OP_SUBMISSION_BYTE] = true, [OP_INDEX_BYTE] = true, [OP_FLOW_BYTE] = true, [OP_ADDITION_BYTE] = true, [OP_PREPARATION_BYTE] = true, [OP_WAITS_BYTE] = true }
local index, names = {}, nil -- nil for most jobs
local flows, waits, waiting, of_flow = nil, false, {}, 0 -- unused for most calls
local leased, headers, header, leased_until, codes, nth = {}, {}, nil, nil, {}, 0

local function counters_of(job_type)
  local counters = types[job_type]
  if not counters then
    counters = { ready = {}, due = 0, later = 0, waiting = 0, leased = 0, is_next = false, is_leased = false }
    types[job_type] = counters
  end
  return counters
end

-- Leasing directly is fair only if no job of the type is ready or due: then it overtakes no priority and no group.
local function lease_type(job_type)
  counters_of(job_type).is_leased = next_due > now and call('EXISTS', ns .. 'ready:' .. job_type) == 0 and call('SISMEMBER', ns .. 'paused', job_type) == 0
  if not header then
    header = FIRST_CLAIM .. lease_of(now, replica, ARGV[3])
    leased_until = format('%.0f', now + tonumber(ARGV[4]))
  end
end

-- The jobs of one type, priority and group: the set they enter, and the virtual time of the last of them.
local function enter(common)
  local group = groups[common]
  if not group then
    local job_type, priority, name = string.match(common, '^>([%w_]+)|(%d)|(.*)$')
    group = { job_type = job_type, bucket = job_type .. ':' .. priority, name = name, band = (9 - priority) * BAND, counters = counters_of(job_type) }
    groups[common] = group
  end
  return group
end

-- The names in an argument, as their members in the index begin; nil for none.
local function names_of(arg)
  local found = {}
  for name in string.gmatch(sub(arg, 2), '[^%z]+') do found[#found + 1] = name .. '\0' end
  return found[1] and found
end

local function add_to_index(id)
  for _, name in ipairs(names) do
    local n = #index
    index[n + 1] = '0'; index[n + 2] = name .. id
  end
end

-- The virtual time of a group's last job before this call.
local function last_vtime(group)
  local bucket = group.bucket
  return math.max(tonumber(call('HGET', ns .. 'vtime', bucket) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. bucket, group.name) or 0))
end

-- Leases a new job to the caller, makes it ready, or schedules it.
local function add(id, run_at)
  local counters = current.counters
  local is_due = not run_at or run_at <= now
  if is_watched then changed(waits and WAITING or is_due and QUEUED or SCHEDULED, id, current.job_type) end
  n_live = n_live + 2
  live[n_live - 1] = '0'; live[n_live] = id
  if names then add_to_index(id) end
  if large[id] then call('PERSIST', payloads .. id) end
  if waits then
    waiting[#waiting + 1] = run_at or '0'; waiting[#waiting + 1] = id
    counters.waiting = counters.waiting + 1
    codes[nth] = WAITING
  elseif counters.is_leased and not run_at then
    local n = #headers
    counters.leased = counters.leased + 1
    leased[n + 1] = leased_until; leased[n + 2] = id
    headers[n + 1] = id; headers[n + 2] = header
    codes[nth] = RUNNING
    if is_watched then changed(RUNNING, id, current.job_type) end
  elseif is_due then
    codes[nth] = QUEUED
    local ready, due = counters.ready, counters.due + 1
    current.vtime = (current.vtime or last_vtime(current)) + 1
    -- Redis itself formats a number as %.17g, which takes four times as long
    ready[2 * due - 1] = format('%d', current.band + current.vtime + (large[id] and LARGE or 0)); ready[2 * due] = id
    counters.due = due
  else
    scheduled[#scheduled + 1] = run_at; scheduled[#scheduled + 1] = id
    counters.later = counters.later + 1
    codes[nth] = SCHEDULED
    if run_at < next_due then next_due = run_at; counters.is_next = true end
  end
end

-- Returns whether the job is new.
local function enqueue(arg, run_at)
  local id, packed = sub(arg, 1, ID_END), sub(arg, ID_END + 1)
  if run_at and run_at <= now and not waits then packed = QUEUED .. sub(packed, PRIORITY) end
  nth = nth + 1
  codes[nth] = NOT_ENQUEUED
  local is_new = call('SET', jobs .. id, packed, 'NX')
  if is_new then add(id, run_at) end
  return is_new
end

-- Enqueues the jobs in a row from here to `last` at most, with one command. Returns the index of the last of them, and
-- whether all were new: only then they were enqueued.
local function enqueue_row(at, last)
  local ids, packed, seen, n = {}, {}, {}, 0
  for i = at, math.min(last, at + 999) do
    local arg = ARGV[i]
    local id = sub(arg, 1, ID_END)
    if IS_OPCODE[byte(arg)] or seen[id] then break end
    seen[id] = true
    n = n + 1
    ids[n] = id
    packed[2 * n - 1] = jobs .. id; packed[2 * n] = sub(arg, ID_END + 1)
  end
  if call('MSETNX', unpack(packed)) == 0 then return at + n - 1, false end
  for i = 1, n do
    nth = nth + 1
    add(ids[i])
  end
  return at + n - 1, true
end

-- Whether a key is known for another submission. An unknown key is stored for this one.
local function is_repeat(key, fingerprint, ttl, first, index)
  local known = call('GET', ns .. 'idem:' .. key)
  if not known then call('SET', ns .. 'idem:' .. key, fingerprint .. ' ' .. first, 'PX', ttl); return false end
  local known_print, known_first = string.match(known, '^(%S+) (%S+)$')
  if known_first == first then return false end
  reply[#reply + 1] = index; reply[#reply + 1] = known_print == fingerprint and 'replayed' or 'conflict'; reply[#reply + 1] = known_first
  return true
end

-- Skips the jobs of a submission whose first id was known. Returns the index of the last of them.
local function skip(from, to)
  for i = from, to do
    if not IS_OPCODE[byte(ARGV[i])] then nth = nth + 1; codes[nth] = NOT_ENQUEUED end
  end
  return to
end

-- Skips the jobs of a submission whose key was known. No job will ever have their new ids, so their payloads
-- are dropped.
local function skip_repeated(from, to)
  for i = from, to do
    local id = sub(ARGV[i], 1, ID_END)
    if large[id] then call('UNLINK', payloads .. id) end
  end
  return skip(from, to)
end

-- The id of the flow that a submission begins with, or of its first job.
local function first_id(at)
  if byte(ARGV[at]) == OP_FLOW_BYTE then return sub(ARGV[at], 2, ID_END + 1) end
  while IS_OPCODE[byte(ARGV[at])] do at = at + 1 end
  return sub(ARGV[at], 1, ID_END)
end

-- Begins a submission that has to do with a flow, in the argument `at`. Returns whether it is new.
local function begin_of_flow(at, last)
  flows = flows or open_flows()
  local opcode, is_new = byte(ARGV[at]), nil
  if opcode == OP_PREPARATION_BYTE then return prepare(ARGV[at], first_id(at)) end
  if opcode == OP_FLOW_BYTE then is_new = put_flow(flows, at) else is_new = add_to_batch(ARGV[at], first_id(at)) end
  if is_new then of_flow = last end
  return is_new
end

-- Why a submission that is refused in some states of its flow cannot be accepted now, or nil or false.
local function why_refused(at, retry)
  local arg, opcode = ARGV[at], byte(ARGV[at])
  if retry ~= '' then return refuse_retry(arg, retry) end
  if opcode == OP_PREPARATION_BYTE then return refuse_preparation(arg, first_id(at)) end
  return closed_to(arg)
end

-- A job of a new flow that Redis has already: it was cancelled before the flow was enqueued.
local function note_known(id)
  local state, packed = call('HGET', states, id), call('GET', jobs .. id)
  local verdict = state and sub(state, STATE, STATE_END)
  local member = string.match(string.match(packed, '^[^\n]*'), '"flow":(%b{})')
  if not member or verdict ~= COMPLETED and verdict ~= FAILED and verdict ~= CANCELLED then return end
  local flow, node = string.match(member, '"id":"([^"]+)"'), string.match(member, '"at":(%d+)')
  flows.note_end(flow .. ' n' .. node, id, verdict, '')
end

-- last: the index of the last argument of a submission of several arguments
local n, last, keyed, run_at = #ARGV, 0, 0, nil
while at <= n do
  local arg = ARGV[at]
  local opcode = byte(arg)
  if opcode == OP_COMMON_BYTE then
    current, names = enter(arg), nil
  elseif opcode == OP_INDEX_BYTE then
    names = names_of(arg)
  elseif opcode == OP_RUN_AT_BYTE then
    run_at = tonumber(sub(arg, 2))
  elseif opcode == OP_LEASE_BYTE then
    lease_type(sub(arg, 2))
  elseif opcode == OP_SUBMISSION_BYTE then
    local count, key, fingerprint, ttl, retry = string.match(arg, '^#(%d+) ?(%S*) ?(%S*) ?(%d*) ?(%S*)$')
    last = at + tonumber(count)
    local what = byte(ARGV[at + 1])
    local is_named = retry ~= '' or what == OP_ADDITION_BYTE or what == OP_PREPARATION_BYTE
    local why = is_named and (key == '' or call('EXISTS', ns .. 'idem:' .. key) == 0) and why_refused(at + 1, retry)
    if why then
      reply[#reply + 1] = keyed; reply[#reply + 1] = why; reply[#reply + 1] = ''
      at = skip_repeated(after_flow(at + 1), last)
    elseif key ~= '' then
      local known_by = string.match(retry, '^[^+]+') or first_id(at + 1)
      if is_repeat(key, fingerprint, ttl, known_by, keyed) then at = skip_repeated(after_flow(at + 1), last) end
    end
    if key ~= '' or is_named then keyed = keyed + 1 end
  elseif opcode == OP_FLOW_BYTE or opcode == OP_ADDITION_BYTE or opcode == OP_PREPARATION_BYTE then
    local is_new, after = begin_of_flow(at, last), after_flow(at)
    at = is_new and math.max(at, after - 1) or skip(after, last)
  elseif opcode == OP_WAITS_BYTE then
    waits = #arg > 1
  else
    local to, is_done = at, false
    if not run_at then to, is_done = enqueue_row(at, at < last and last or n) end
    while not is_done and at <= to do
      -- The ids of one submission are stored together: the first decides
      if not enqueue(ARGV[at], run_at) then
        if at <= of_flow then note_known(sub(ARGV[at], 1, ID_END))
        elseif at < last then at = skip(at + 1, last) end
      end
      at = at + 1
    end
    at = math.max(at - 1, to)
    run_at = nil
  end
  at = at + 1
end

local function add_all(command, key, members) -- in parts: Lua's unpack accepts at most 8,000 values
  for i = 1, #members, 1000 do call(command, key, unpack(members, i, math.min(i + 999, #members))) end
end

if header then reply[3] = table.concat(codes) end
add_all('ZADD', ns .. 'live', live)
add_all('ZADD', ns .. 'index', index)
add_all('ZADD', ns .. 'scheduled', scheduled)
add_all('ZADD', ns .. 'waiting', waiting)
add_all('ZADD', ns .. 'leased', leased)
add_all('HSET', states, headers)
for _, group in pairs(groups) do
  if group.vtime then call('ZADD', ns .. 'fair:' .. group.bucket, group.vtime, group.name) end
end
for job_type, counters in pairs(types) do
  local due, later, at_once, waits_for = counters.due, counters.later, counters.leased, counters.waiting
  add_all('ZADD', ns .. 'ready:' .. job_type, counters.ready)
  local all = due + later + at_once + waits_for
  if all > 0 then call('HINCRBY', ns .. 'counts', 'accepted:' .. job_type, all) end
  if waits_for > 0 then call('HINCRBY', ns .. 'counts', 'waiting:' .. job_type, waits_for) end
  if at_once > 0 then call('HINCRBY', ns .. 'counts', 'running:' .. job_type, at_once) end
  if later > 0 then call('HINCRBY', ns .. 'counts', 'scheduled:' .. job_type, later) end
  -- A woken replica claims, or learns of a job that is due before all others. The caller itself needs no message.
  if (due > 0 or counters.is_next) and not (replica ~= '' and call('SREM', ns .. 'idle:' .. job_type, replica) == 1) then wake(job_type) end
end
if flows and flows.finish() then reply[2] = ENQUEUE_WORK end
announce()
return reply
