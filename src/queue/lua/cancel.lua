#!lua flags=allow-oom
-- Cancels a job. A waiting job goes straight to the outbox; a running one is flagged, and its replica notified. A job
-- that Redis does not have, but Postgres has accepted, goes to the outbox as well: no replica can enqueue it from
-- there.
-- KEYS: 1 namespace
-- ARGV: 1 id
--       2 how long the caller owns the job's entry in the outbox (ms)
--       3 the job's attempts when the caller read it (2 digits)
--       4 record
--       5 the packed submission of a job that Postgres has accepted, whose large payload was stored under p:<id>, or ""
--       then its callback, if it has one: id, type, packed submission
-- Returns: "cancelled" | "withdrawn" (Redis did not have it) | "running" | "finished", and the job's entry in the hash;
--          or "missing"; or "changed": the job waits, but has run since the caller read it, so its callback is outdated
--          and nothing is done
local ns, id, own, attempts, record, accepted = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local callback, callback_type, callback_packed = ARGV[6], ARGV[7], ARGV[8]
local call, sub = redis.call, string.sub
local packed, before = start_of(id), call('HGET', states, id)
local is_withdrawn = packed == '' and accepted ~= ''
if is_withdrawn then packed = accepted end
if packed == '' then return { 'missing' } end
local state, job_type = sub(before or packed, STATE, STATE_END), type_of(packed)
if is_withdrawn then
  if size_of(packed) then
    if call('EXISTS', payloads .. id) == 0 then return { 'missing' } end
    call('PERSIST', payloads .. id)
  end
  call('SET', jobs .. id, packed)
  call('ZADD', ns .. 'live', 0, id)
  call('HINCRBY', ns .. 'counts', 'accepted:' .. job_type, 1)
  state, before = QUEUED, false -- it is in no set, whatever its run_at
end

local function becomes(after)
  call('HSET', states, id, after)
  return after
end

if state == RUNNING then
  call('PUBLISH', ns .. 'to:' .. sub(before, REPLICA, REPLICA_END), 'cancel ' .. id)
  return { 'running', becomes(sub(before, 1, COUNTERS_END) .. CANCEL_REQUESTED .. sub(before, PROGRESS)) }
elseif state == QUEUED or state == SCHEDULED or state == RETRYING then
  if before and sub(before, ATTEMPT, ATTEMPT_END) ~= attempts then return { 'changed' } end
  call('ZREM', ns .. (state == QUEUED and 'ready:' .. job_type or 'scheduled'), id)
  call('ZADD', ns .. 'outbox', now + own, id)
  if state ~= QUEUED then call('HINCRBY', ns .. 'counts', (state == SCHEDULED and 'scheduled:' or 'retrying:') .. job_type, -1) end
  call('HINCRBY', ns .. 'counts', 'cancelled:' .. job_type, 1)
  local priority = sub(packed, PRIORITY, PRIORITY_END)
  local band = (9 - priority) * BAND
  if state == QUEUED and not waits(ns .. 'ready:' .. job_type, band) then
    -- No job waits, so the order of groups is void, and no claim would drop it
    call('UNLINK', ns .. 'fair:' .. job_type .. ':' .. priority)
  end
  if is_watched then changed(CANCELLED, id, job_type) end
  if callback and enqueue_callback(callback, callback_type, callback_packed) then
    call('HINCRBY', ns .. 'counts', 'accepted:' .. callback_type, 1)
    wake(callback_type)
  end
  announce()
  local rest = before and sub(before, ATTEMPT) or UNCLAIMED
  return { is_withdrawn and 'withdrawn' or 'cancelled', becomes(CANCELLED .. rest .. '\n' .. record) }
end
return { 'finished', before or packed }
