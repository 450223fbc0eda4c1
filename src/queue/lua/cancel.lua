#!lua flags=allow-oom
-- Cancels jobs. A job that does not run goes straight to the outbox; a running one is flagged, and its replica notified. A job
-- that Redis does not have, but Postgres has accepted, goes to the outbox as well: no replica can enqueue it from
-- there.
-- KEYS: 1 namespace
-- ARGV: 1 how long the caller owns the entries of waiting jobs in the outbox (ms) · 2 those of withdrawn jobs
--       then for each job:
--       1 id
--       2 the job's attempts when the caller read it (2 digits)
--       3 record
--       4 the packed submission of a job that Postgres has accepted, whose large payload was stored under p:<id>, or ""
--       5 the names of that job in the index; a NUL between two names
--       6 to 8 its callback: id, type, packed submission; or "" three times
--       9 its flow, a space and the field of its node; then, if the flow keeps its error, a newline and that; "" for none
-- Returns: 1 if there is work for flows, else 0; then for each job: "cancelled" | "withdrawn" (Redis did not have it) | "running" | "finished", and the job's entry
--          in the hash; or "missing", ""; or "changed", "": the job waits, but has run since the caller read it, so its
--          callback is outdated and nothing is done
local ns, own, own_withdrawn = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local call, sub = redis.call, string.sub
local COUNT_OF = { [SCHEDULED] = 'scheduled:', [RETRYING] = 'retrying:', [WAITING] = 'waiting:' }
local flows -- nil for most calls
local reply, counts, becomes, written, outbox, left, emptied, notified, woken, callbacks = { 0 }, {}, {}, {}, {}, {}, {}, {}, {}, {}

local function count(field, by) counts[field] = (counts[field] or 0) + by end

-- Writes are collected: a call of many jobs then costs little more than its reads. A repeated id reads from `becomes`.
local function become(id, after)
  becomes[id] = after
  written[#written + 1] = id; written[#written + 1] = after
  return after
end

local function append(lists, key, ...)
  local list = lists[key] or {}
  lists[key] = list
  for _, value in ipairs({ ... }) do list[#list + 1] = value end
end

-- Gives Redis a job that only Postgres has. Returns whether that was possible.
local function add_withdrawn(id, packed, names)
  if size_of(packed) then
    if call('EXISTS', payloads .. id) == 0 then return false end
    call('PERSIST', payloads .. id)
  end
  call('SET', jobs .. id, packed)
  call('ZADD', ns .. 'live', 0, id)
  for name in string.gmatch(names, '[^%z]+') do call('ZADD', ns .. 'index', 0, name .. '\0' .. id) end
  count('accepted:' .. type_of(packed), 1)
  return true
end

-- Ends a waiting job. `state` is its state, or nil for a job that is in no set.
local function finish(id, packed, state, before, record)
  local job_type = type_of(packed)
  if state == QUEUED then
    append(left, ns .. 'ready:' .. job_type, id)
    emptied[job_type .. ':' .. sub(packed, PRIORITY, PRIORITY_END)] = true
  elseif state then
    append(left, ns .. (state == WAITING and 'waiting' or 'scheduled'), id)
    count(COUNT_OF[state] .. job_type, -1)
  end
  outbox[#outbox + 1] = now + (state and own or own_withdrawn); outbox[#outbox + 1] = id
  count('cancelled:' .. job_type, 1)
  if is_watched then changed(CANCELLED, id, job_type) end
  return become(id, CANCELLED .. (before and sub(before, ATTEMPT) or UNCLAIMED) .. '\n' .. record)
end

-- Returns what happened to a job, and its entry in the hash.
local function cancel(id, attempts, record, accepted, names)
  local packed, before = start_of(id), becomes[id] or call('HGET', states, id)
  if packed == '' then
    if accepted == '' or not add_withdrawn(id, accepted, names) then return 'missing', '' end
    return 'withdrawn', finish(id, accepted, nil, false, record)
  end
  local state = sub(before or packed, STATE, STATE_END)
  if state == RUNNING then
    append(notified, sub(before, REPLICA, REPLICA_END), id)
    return 'running', become(id, sub(before, 1, COUNTERS_END) .. CANCEL_REQUESTED .. sub(before, PROGRESS))
  end
  if state ~= QUEUED and not COUNT_OF[state] then return 'finished', before or packed end
  if before and sub(before, ATTEMPT, ATTEMPT_END) ~= attempts then return 'changed', '' end
  return 'cancelled', finish(id, packed, state, before, record)
end

for at = 3, #ARGV, 9 do
  local kind, entry = cancel(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  reply[#reply + 1] = kind; reply[#reply + 1] = entry
  if ARGV[at + 5] ~= '' and (kind == 'cancelled' or kind == 'withdrawn') then callbacks[#callbacks + 1] = at + 5 end
  -- A flow in Redis has counted the end of a job that Redis does not have: only an ended job is forgotten
  if kind == 'cancelled' and ARGV[at + 8] ~= '' then
    local member, kept = string.match(ARGV[at + 8], '^([^\n]*)\n?(.*)$')
    flows = flows or open_flows()
    flows.note_end(member, ARGV[at], CANCELLED, kept ~= '' and 'e' .. kept or '')
  end
end
for set, ids in pairs(left) do call('ZREM', set, unpack(ids)) end
if #outbox > 0 then call('ZADD', ns .. 'outbox', unpack(outbox)) end
if #written > 0 then call('HSET', states, unpack(written)) end
for bucket in pairs(emptied) do drop_order_if_empty(string.match(bucket, '^(.+):(%d)$')) end
for replica, ids in pairs(notified) do call('PUBLISH', ns .. 'to:' .. replica, 'cancel ' .. table.concat(ids, ' ')) end
for _, at in ipairs(callbacks) do
  local callback_type = ARGV[at + 1]
  if enqueue_callback(ARGV[at], callback_type, ARGV[at + 2]) then
    count('accepted:' .. callback_type, 1)
    woken[callback_type] = true
  end
end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
for job_type in pairs(woken) do wake(job_type) end
if flows and flows.finish() then reply[1] = 1 end
announce()
return reply
