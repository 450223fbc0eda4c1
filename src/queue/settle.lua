#!lua flags=allow-oom
-- Settles attempts of one replica: terminal ones move from leased to the outbox, the others back to wait.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 how long it owns what it puts into the outbox (ms) · 3 number of attempts ·
--       then for each: id, seq, verdict (c f x: terminal · r: retry · l: released), counters (5 digits), run_at (ms), record (one line) ·
--       then callbacks, each enqueued when its attempt's settle was done: index of the attempt from 0, id, type, value
-- Returns: now (ms), then a letter for each attempt in one text: "k" done, "d" done before, "s" stale, "x" a cancellation came first: settle as cancelled
local ns, replica, own, n = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local TERMINAL = { c = 'completed:', f = 'failed:', x = 'cancelled:' }
local letters, counts, left, outbox, woken, ended = {}, {}, {}, {}, {}, 0

local function count(field, by) counts[field] = (counts[field] or 0) + by end

local function wait_again(id, key, kind, head, verdict, run_at)
  if run_at > now then
    redis.call('SETRANGE', key, 0, 't')
    redis.call('ZADD', ns .. 'scheduled', run_at, id)
    count('retrying:' .. kind, 1)
    return
  end
  local priority = string.sub(head, 2, 2)
  local slot = kind .. ':' .. priority
  local tag = tonumber(redis.call('HGET', ns .. 'vtime', slot) or 0) -- a released job goes to the front: it has waited already
  if verdict == 'r' then
    local group = string.match(redis.call('GETRANGE', key, 42, 1023), '^[%w_]+|%d+|([^|]*)|')
    tag = math.max(tag, tonumber(redis.call('ZSCORE', ns .. 'fair:' .. slot, group) or 0)) + 1
    redis.call('ZADD', ns .. 'fair:' .. slot, tag, group)
  end
  woken[kind] = true
  redis.call('SETRANGE', key, 0, 'q')
  redis.call('ZADD', ns .. 'ready:' .. kind, (9 - tonumber(priority)) * 281474976710656 + tag, id)
end

local function settle(id, seq, verdict, counters, run_at, record)
  local key = ns .. 'j:' .. id
  local head = redis.call('GETRANGE', key, 0, 127)
  if string.sub(head, 25, 42) ~= replica .. string.format('%010d', seq) then return 's' end
  if string.sub(head, 1, 1) ~= 'r' then return 'd' end
  if string.sub(head, 8, 8) == '1' and verdict ~= 'c' and verdict ~= 'x' then return 'x' end
  local kind = string.match(head, '^[%w_]+', 43)
  left[#left + 1] = id
  count('running:' .. kind, -1)
  redis.call('SETRANGE', key, 2, counters)
  if record ~= '' then redis.call('APPEND', key, '\n' .. record) end
  if TERMINAL[verdict] then
    redis.call('SETRANGE', key, 0, verdict)
    outbox[#outbox + 1] = now + own; outbox[#outbox + 1] = id
    count(TERMINAL[verdict] .. kind, 1)
    ended = ended + 1
  else
    wait_again(id, key, kind, head, verdict, run_at)
  end
  return 'k'
end

for i = 0, n - 1 do
  local at = 4 + i * 6
  letters[i + 1] = settle(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 5])
end
for at = 4 + n * 6, #ARGV, 4 do
  local id, kind = ARGV[at + 1], ARGV[at + 2]
  if letters[tonumber(ARGV[at]) + 1] == 'k' and redis.call('SET', ns .. 'j:' .. id, 'q' .. ARGV[at + 3], 'NX') then
    local slot = kind .. ':5'
    local tag = math.max(tonumber(redis.call('HGET', ns .. 'vtime', slot) or 0), tonumber(redis.call('ZSCORE', ns .. 'fair:' .. slot, '') or 0)) + 1
    redis.call('ZADD', ns .. 'fair:' .. slot, tag, '')
    redis.call('ZADD', ns .. 'ready:' .. kind, 4 * 281474976710656 + tag, id)
    redis.call('ZADD', ns .. 'live', 0, id)
    count('accepted:' .. kind, 1)
    woken[kind] = true
  end
end
for i = 1, #left, 1000 do redis.call('ZREM', ns .. 'leased', unpack(left, i, math.min(i + 999, #left))) end
for i = 1, #outbox, 1000 do redis.call('ZADD', ns .. 'outbox', unpack(outbox, i, math.min(i + 999, #outbox))) end
for kind in pairs(woken) do
  for _ = 1, 8 do -- a replica that hears nothing any more is passed over
    local idle = redis.call('SPOP', ns .. 'idle:' .. kind)
    if not idle or redis.call('PUBLISH', ns .. 'to:' .. idle, 'wake') > 0 then break end
  end
end
for field, by in pairs(counts) do redis.call('HINCRBY', ns .. 'counts', field, by) end
if ended > 0 then
  local minute = ns .. 'ended:' .. math.floor(now / 60000)
  if redis.call('INCRBY', minute, ended) == ended then redis.call('EXPIRE', minute, 1200) end -- kept for the rate over 15 minutes
end
return { now, table.concat(letters) }
