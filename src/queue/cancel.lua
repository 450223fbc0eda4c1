#!lua flags=allow-oom
-- Cancels a job: one that waits goes straight to the outbox, one that runs is flagged and its replica told.
-- KEYS: 1 namespace
-- ARGV: 1 id · 2 how long the caller owns what it puts into the outbox (ms) · 3 record without its end (one line up to `"finished_at":`)
-- Returns: "cancelled" and the job's text, or "running" | "finished" | "missing" and the text if there is one
local ns, id, own, record = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text, before = redis.call('GET', jobs .. id), redis.call('HGET', states, id)
if not text then return { 'missing' } end
local state, kind = string.sub(before or text, 1, 1), string.match(text, '^[%w_]+', 3)

local function becomes(after)
  redis.call('HSET', states, id, after)
  return whole(text, after)
end

if state == 'r' then
  redis.call('PUBLISH', ns .. 'to:' .. string.sub(before, 24, 31), 'cancel ' .. id)
  return { 'running', becomes(string.sub(before, 1, 6) .. '1' .. string.sub(before, 8)) }
elseif state == 'q' or state == 's' or state == 't' then
  redis.call('ZREM', ns .. (state == 'q' and 'ready:' .. kind or 'scheduled'), id)
  redis.call('ZADD', ns .. 'outbox', now + own, id)
  if state ~= 'q' then redis.call('HINCRBY', ns .. 'counts', (state == 's' and 'scheduled:' or 'retrying:') .. kind, -1) end
  redis.call('HINCRBY', ns .. 'counts', 'cancelled:' .. kind, 1)
  local priority = string.sub(text, 2, 2)
  local band = (9 - priority) * BAND
  if state == 'q' and redis.call('ZCOUNT', ns .. 'ready:' .. kind, band, band + BAND - 1) == 0 then
    redis.call('DEL', ns .. 'fair:' .. kind .. ':' .. priority) -- nobody waits: who was last says nothing, and would never be dropped
  end
  if is_watched then changed('x', id, kind) end
  announce()
  return { 'cancelled', becomes('x' .. (before and string.sub(before, 2) or UNCLAIMED) .. '\n' .. record .. string.format('%.0f', now) .. '}') }
end
return { 'finished', whole(text, before) }
