#!lua flags=allow-oom
-- Cancels a job: one that waits goes straight to the outbox, one that runs is flagged and its replica told. One that Redis does not have, but Postgres
-- has accepted, goes there as well: nobody can enqueue it while it stands there.
-- KEYS: 1 namespace
-- ARGV: 1 id · 2 how long the caller owns what it puts into the outbox (ms) · 3 its attempts when the caller read it (2 digits) · 4 record ·
--       5 of a job that Postgres has accepted: its text, whose large payload was stored under p:<id>; else "" · then its callback, if it asked for one: id, type, text
-- Returns: "cancelled" | "withdrawn" (Redis did not have it) | "running" | "finished" and what the hash holds of the job now, or "missing", or "changed": it waits, but ran since it was
--          read, so the callback says what is no longer so; nothing is done
local ns, id, own, attempts, record, accepted = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local callback, callback_kind, callback_text = ARGV[6], ARGV[7], ARGV[8]
local text, before = start_of(id), redis.call('HGET', states, id)
local is_withdrawn = text == '' and accepted ~= ''
if is_withdrawn then text = accepted end
if text == '' then return { 'missing' } end
local state, kind = string.sub(before or text, 1, 1), string.match(text, '^[%w_]+', 3)
if is_withdrawn then
  if size_of(text) then
    if redis.call('EXISTS', payloads .. id) == 0 then return { 'missing' } end
    redis.call('PERSIST', payloads .. id)
  end
  redis.call('SET', jobs .. id, text)
  redis.call('ZADD', ns .. 'live', 0, id)
  redis.call('HINCRBY', ns .. 'counts', 'accepted:' .. kind, 1)
  state, before = 'q', false -- it is in no set, whatever time it was to start at
end

local function becomes(after)
  redis.call('HSET', states, id, after)
  return after
end

if state == 'r' then
  redis.call('PUBLISH', ns .. 'to:' .. string.sub(before, 24, 31), 'cancel ' .. id)
  return { 'running', becomes(string.sub(before, 1, 6) .. '1' .. string.sub(before, 8)) }
elseif state == 'q' or state == 's' or state == 't' then
  if before and string.sub(before, 2, 3) ~= attempts then return { 'changed' } end
  redis.call('ZREM', ns .. (state == 'q' and 'ready:' .. kind or 'scheduled'), id)
  redis.call('ZADD', ns .. 'outbox', now + own, id)
  if state ~= 'q' then redis.call('HINCRBY', ns .. 'counts', (state == 's' and 'scheduled:' or 'retrying:') .. kind, -1) end
  redis.call('HINCRBY', ns .. 'counts', 'cancelled:' .. kind, 1)
  local priority = string.sub(text, 2, 2)
  local band = (9 - priority) * BAND
  if state == 'q' and not waits(ns .. 'ready:' .. kind, band) then
    redis.call('UNLINK', ns .. 'fair:' .. kind .. ':' .. priority) -- nobody waits: who was last says nothing, and would never be dropped
  end
  if is_watched then changed('x', id, kind) end
  if callback and enqueue_callback(callback, callback_kind, callback_text) then
    redis.call('HINCRBY', ns .. 'counts', 'accepted:' .. callback_kind, 1)
    wake(callback_kind)
  end
  announce()
  return { is_withdrawn and 'withdrawn' or 'cancelled', becomes('x' .. (before and string.sub(before, 2) or UNCLAIMED) .. '\n' .. record) }
end
return { 'finished', before or text }
