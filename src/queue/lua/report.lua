#!lua flags=allow-oom
-- Records how visits of destinations ended (destinations.ts). A batch that is repeated after a lost reply changes
-- nothing.
-- KEYS: 1 namespace
-- ARGV: 1 replica
--       2 number of the batch, one more than that of the replica's last
--       then for each visit: host, route, the visit's id, visits of the host at once, how long it took (ms), the host's
--       health (core/destination.ts)
-- Returns: how many hosts and routes it opened
local LEAST_AFTER_ANSWERS = 5 -- the smallest window of a host that answers, even with errors
local REMEMBERED = 600000 -- how long the number of the last batch is stored (ms): longer than a batch is repeated
local opened = 0

local function open(name, known)
  local open_for = math.min(OPEN_MOST, math.max(OPEN_LEAST, 2 * (known.open_for or 0)))
  -- The first visit after that is a probe
  call('HSET', ns .. 'dest:' .. name, 'open_until', now + open_for, 'open_for', open_for, 'tail', 0, 'window', 1)
  known.open_until = now + open_for
end

local function grown(known, most, is_wanted)
  -- Beyond START only if it was too small: an unused window does not grow
  if known.window < START or is_wanted then return math.min(most, known.window + 1) end
  return math.min(most, known.window)
end

local function halved(known, most, least)
  return math.min(known.window, math.max(least, math.floor(math.min(known.window, most) / 2)))
end

-- A host or route answers again. Until its window has grown, the next opening is longer than the last.
local function recover(name, known, window, most)
  local key = ns .. 'dest:' .. name
  if known.failures > 0 then call('HDEL', key, 'failures', 'since', 'open_until', 'tail', 'probe', 'probe_until', 'probed_by') end
  if window >= math.min(START, most) and known.open_for then call('HDEL', key, 'open_for') end
end

local function host_up(host, h, most, took, is_wanted)
  local key, window = ns .. 'dest:' .. host, grown(h, most, is_wanted)
  call('HSET', key, 'window', window, 'duration', h.duration and 0.8 * h.duration + 0.2 * took or took)
  recover(host, h, window, most)
  if not h.duration then call('HSET', key, 'tail', now + 1) end -- the pace until now was a guess
  call('PEXPIRE', key, KEEP)
end

local function host_answered(host, h, most, asks_for_less)
  local window = asks_for_less and halved(h, most, LEAST_AFTER_ANSWERS) or h.window
  call('HSET', ns .. 'dest:' .. host, 'window', window)
  recover(host, h, 0, most)
  call('PEXPIRE', ns .. 'dest:' .. host, KEEP_TROUBLE)
end

local function host_down(host, h, most)
  local key = ns .. 'dest:' .. host
  call('HSET', key, 'window', halved(h, most, 1), 'failures', h.failures + 1)
  if h.failures == 0 then call('HSET', key, 'since', now) end
  if h.failures + 1 >= FAILURES and now >= h.open_until then
    open(host, h)
    call('HDEL', key, 'probe_until')
    call('UNLINK', ns .. 'turns:' .. host)
    opened = opened + 1
  end
  call('PEXPIRE', key, KEEP_TROUBLE)
end

local function route_up(host, route, r, most, is_wanted)
  if r.is_new then return end
  local window = grown(r, most, is_wanted)
  call('HSET', ns .. 'dest:' .. route, 'window', window)
  recover(route, r, window, most)
  keep_route(host, route, KEEP)
end

local function route_failed(host, route, r, h, most, is_failure)
  local key = ns .. 'dest:' .. route
  call('HSET', key, 'window', halved(r, most, 1))
  if is_failure then
    call('HSET', key, 'failures', r.failures + 1)
    -- An open host already keeps visits from its routes
    if r.failures + 1 >= FAILURES and now >= math.max(r.open_until, h.open_until) then
      open(route, r)
      opened = opened + 1
    end
  end
  keep_route(host, route, KEEP_TROUBLE)
end

local function report(host, route, id, most, took, health)
  call('ZREM', ns .. 'held:' .. host, id)
  call('ZREM', ns .. 'held:' .. route, id)
  local h = known_of(host)
  -- After any result of the probe, another may follow
  if h.probe == id then call('HDEL', ns .. 'dest:' .. host, 'probe', 'probe_until') end
  if health == 'unknown' then return end
  note_use(host, h)
  local r = known_of(route)
  local is_wanted = math.max(h.tail, r.tail) > now - took
  if health == 'up' then
    host_up(host, h, most, took, is_wanted)
    return route_up(host, route, r, most, is_wanted)
  end
  if health == 'down' then
    host_down(host, h, most)
  elseif health ~= 'late' then
    host_answered(host, h, most, health == 'busy' or health == 'overloaded')
    h.open_until = 0
  end
  route_failed(host, route, r, h, most, health ~= 'busy')
end

local batch, last = tonumber(ARGV[2]), ns .. 'reports:' .. ARGV[1]
if batch <= tonumber(call('GET', last) or 0) then return 0 end
call('SET', last, batch, 'PX', REMEMBERED)
for at = 3, #ARGV, 6 do report(ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), ARGV[at + 5]) end
return opened
