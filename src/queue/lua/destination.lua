-- The common part of the scripts of destinations (destinations.ts). Not a verb: scripts.ts inserts it.
local ns, call = KEYS[1], redis.call
local START, FAILURES = 10, 5 -- window of a new host or route · failures in a row that open it
local OPEN_LEAST, OPEN_MOST = 1000, 60000 -- the shortest and longest opening (ms)
local KEEP, KEEP_TROUBLE = 120000, 900000 -- how long a host or route is remembered after its last visit (ms)
local MOST_ROUTES = 256 -- remembered routes of one host
-- How often the use of a host is noted (ms) · the most hosts in the list of those used lately
local NOTED_EVERY, MOST_HOSTS = 60000, 1000
local MOST_WAITING = 10000 -- visits to one host that count as waiting

-- The stored state of a host or a route. `since` is when its failures in a row began.
local function known_of(name)
  local known = call('HMGET', ns .. 'dest:' .. name, 'window', 'failures', 'open_until', 'open_for', 'tail', 'duration', 'next', 'since', 'probe', 'probe_until', 'probed_by', 'noted')
  return {
    is_new = not (known[1] or known[2] or known[5]), window = tonumber(known[1] or START), failures = tonumber(known[2] or 0),
    open_until = believed(known[3], OPEN_MOST), open_for = tonumber(known[4]), tail = believed(known[5], OPEN_MOST), duration = tonumber(known[6]),
    next = believed(known[7], 2000), since = math.min(now, believed(known[8], 1000)), probe = known[9], probe_until = believed(known[10], 10000), probed_by = known[11],
    noted = believed(known[12], 0),
  }
end

-- Extends the life of a route's state. A caller that invents paths displaces the routes that were written longest ago,
-- and adds no memory.
local function keep_route(host, route, ttl)
  local routes = ns .. 'routes:' .. host
  call('PEXPIRE', ns .. 'dest:' .. route, ttl)
  call('ZADD', routes, now, route)
  call('PEXPIRE', routes, KEEP_TROUBLE)
  if call('ZCARD', routes) <= MOST_ROUTES then return end
  bring_back(routes, 0)
  call('UNLINK', ns .. 'dest:' .. call('ZPOPMIN', routes)[1])
end

-- Notes in the list of hosts that this one was used, at most once in NOTED_EVERY, since every visit may call this.
local function note_use(host, h)
  if now - h.noted < NOTED_EVERY then return end
  local key, hosts = ns .. 'dest:' .. host, ns .. 'destinations'
  call('HSET', key, 'noted', now)
  if call('PTTL', key) < 0 then call('PEXPIRE', key, KEEP) end
  call('ZADD', hosts, now, host)
  call('PEXPIRE', hosts, KEEP_TROUBLE)
  if call('ZCARD', hosts) <= MOST_HOSTS then return end
  bring_back(hosts, 0)
  call('ZREMRANGEBYRANK', hosts, 0, -MOST_HOSTS - 1)
end

-- Counts a visit that is put off as waiting for the host until it returns. The hosts that make visits wait need this for
-- people alone, so visits beyond MOST_WAITING are not counted.
local function note_waiting(host, id, wait)
  local waiting = ns .. 'waiting:' .. host
  call('ZREMRANGEBYSCORE', waiting, '-inf', now)
  if call('ZCARD', waiting) < MOST_WAITING then call('ZADD', waiting, now + wait, id) end
  call('PEXPIRE', waiting, KEEP)
end

-- Counts a visit as under way until it ends, or is not renewed.
local function begin_visit(name, id, lease)
  local visits = ns .. 'held:' .. name
  call('ZADD', visits, now + lease, id)
  call('PEXPIRE', visits, math.max(lease, call('PTTL', visits)))
end
