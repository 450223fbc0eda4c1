-- Brings back what lies ahead since Redis's clock went back; see time.lua. No verb: scripts.ts puts it before each script that looks after others' times.

-- The longest lease of any replica that claimed (ms): they differ while LEASE_MS is being changed.
local function longest_lease(own) return math.max(own, tonumber(redis.call('HGET', KEYS[1] .. 'clock', 'lease') or 0)) end

-- The members of a sorted set whose times lie more than `longest` ms ahead get the time that does not. Returns them, 5,000 at most.
local function bring_back(key, longest)
  local latest, all = string.format('%.0f', now + longest), {}
  repeat
    local ahead, moved = redis.call('ZRANGEBYSCORE', key, '(' .. latest, '+inf', 'LIMIT', 0, 1000), {}
    for i, member in ipairs(ahead) do
      moved[2 * i - 1] = latest; moved[2 * i] = member
      all[#all + 1] = member
    end
    if #ahead > 0 then redis.call('ZADD', key, unpack(moved)) end
  until #ahead < 1000 or #all >= 5000
  return all
end

-- A key that expires does so within `longest` ms: its end moves with the clock.
local function end_within(key, longest)
  if redis.call('PTTL', key) > longest then redis.call('PEXPIRE', key, longest) end
end

