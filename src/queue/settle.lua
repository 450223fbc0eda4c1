#!lua flags=allow-oom
-- Settles attempts of one replica: terminal ones move from leased to the outbox, the others back to wait.
-- KEYS: 1 namespace
-- ARGV: 1 replica · 2 how long it owns what it puts into the outbox (ms) · 3 number of arguments that follow up to the callbacks ·
--       then, by the first character: ">" the type of the attempts that follow · an attempt: id (36), token (18: replica, claim number), verdict (c f x:
--       terminal · r: retry · l: released), priority, counters (5), run_at (13, ms), its record (a newline and one line, or nothing) ·
--       then callbacks, each enqueued when its attempt's settle was done: index of the attempt from 0, id, type, value
-- Returns: now (ms), then a letter for each attempt in one text: "k" done, "d" done before, "s" stale, "x" a cancellation came first: settle as cancelled
local ns, replica, own, n = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local jobs = ns .. 'j:'
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local TERMINAL = { c = 'completed:', f = 'failed:', x = 'cancelled:' }
local letters, counts, left, outbox, woken, settled, ended = {}, {}, {}, {}, {}, 0, 0
local tallies = {} -- by type: attempts that leave running, and terminal verdicts
local owned_until = string.format('%.0f', now + own) -- a number would be written anew for each job

local function count(field, by) counts[field] = (counts[field] or 0) + by end

local function wait_again(id, key, kind, arg, verdict)
  local run_at, priority = tonumber(sub(arg, 62, 74)), sub(arg, 56, 56)
  if run_at > now then
    call('SETRANGE', key, 0, 't' .. sub(arg, 56, 61))
    call('ZADD', ns .. 'scheduled', run_at, id)
    count('retrying:' .. kind, 1)
    if is_watched then changed('t', id, kind) end
    return
  end
  local slot = kind .. ':' .. priority
  local tag = tonumber(call('HGET', ns .. 'vtime', slot) or 0) -- a released job goes to the front: it has waited already
  if verdict == 'r' then
    local group = string.match(call('GETRANGE', key, 42, 1023), '^[%w_]+|%d+|([^|]*)|')
    tag = math.max(tag, tonumber(call('ZSCORE', ns .. 'fair:' .. slot, group) or 0)) + 1
    call('ZADD', ns .. 'fair:' .. slot, tag, group)
  end
  woken[kind] = true
  if is_watched then changed('q', id, kind) end
  call('SETRANGE', key, 0, 'q' .. sub(arg, 56, 61))
  call('ZADD', ns .. 'ready:' .. kind, (9 - tonumber(priority)) * 281474976710656 + tag, id)
end

local function settle(kind, tally, arg)
  local id = sub(arg, 1, 36)
  local key = jobs .. id
  local head = call('GETRANGE', key, 0, 41)
  if sub(head, 25, 42) ~= sub(arg, 37, 54) then return 's' end
  if byte(head) ~= 114 then return 'd' end -- r
  local verdict = sub(arg, 55, 55)
  if byte(head, 8) == 49 and verdict ~= 'c' and verdict ~= 'x' then return 'x' end
  settled = settled + 1
  left[settled] = id
  tally.settled = tally.settled + 1
  if #arg > 74 then call('APPEND', key, sub(arg, 75)) end
  if TERMINAL[verdict] then
    call('SETRANGE', key, 0, sub(arg, 55, 61))
    ended = ended + 1
    outbox[2 * ended - 1] = owned_until; outbox[2 * ended] = id
    tally[verdict] = tally[verdict] + 1
    if is_watched then changed(verdict, id, kind) end
  else
    wait_again(id, key, kind, arg, verdict)
  end
  return 'k'
end

local current, tally
local last = 0
for at = 4, 3 + n do
  local arg = ARGV[at]
  if byte(arg) == 62 then
    current = sub(arg, 2)
    tally = tallies[current] or { settled = 0, c = 0, f = 0, x = 0 }
    tallies[current] = tally
  else
    last = last + 1
    letters[last] = settle(current, tally, arg)
  end
end
for kind, of_kind in pairs(tallies) do
  if of_kind.settled > 0 then count('running:' .. kind, -of_kind.settled) end
  for verdict, name in pairs(TERMINAL) do
    if of_kind[verdict] > 0 then count(name .. kind, of_kind[verdict]) end
  end
end
for at = 4 + n, #ARGV, 4 do
  local id, kind = ARGV[at + 1], ARGV[at + 2]
  if letters[tonumber(ARGV[at]) + 1] == 'k' and call('SET', jobs .. id, ARGV[at + 3], 'NX') then
    local slot = kind .. ':5'
    local tag = math.max(tonumber(call('HGET', ns .. 'vtime', slot) or 0), tonumber(call('ZSCORE', ns .. 'fair:' .. slot, '') or 0)) + 1
    call('ZADD', ns .. 'fair:' .. slot, tag, '')
    call('ZADD', ns .. 'ready:' .. kind, 4 * 281474976710656 + tag, id)
    call('ZADD', ns .. 'live', 0, id)
    count('accepted:' .. kind, 1)
    if is_watched then changed('q', id, kind) end
    woken[kind] = true
  end
end
for i = 1, #left, 1000 do call('ZREM', ns .. 'leased', unpack(left, i, math.min(i + 999, #left))) end
for i = 1, #outbox, 1000 do call('ZADD', ns .. 'outbox', unpack(outbox, i, math.min(i + 999, #outbox))) end
for kind in pairs(woken) do
  for _ = 1, 8 do -- a replica that hears nothing any more is passed over
    local idle = call('SPOP', ns .. 'idle:' .. kind)
    if not idle or call('PUBLISH', ns .. 'to:' .. idle, 'wake') > 0 then break end
  end
end
for field, by in pairs(counts) do call('HINCRBY', ns .. 'counts', field, by) end
if ended > 0 then
  local minute = ns .. 'ended:' .. math.floor(now / 60000)
  if call('INCRBY', minute, ended) == ended then call('EXPIRE', minute, 1200) end -- kept for the rate over 15 minutes
end
announce()
return { now, table.concat(letters) }
