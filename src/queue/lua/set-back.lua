-- Corrects stored times after Redis's clock went back (time.lua). Not a verb: scripts.ts inserts it into the scripts
-- that maintain times which other calls stored.

-- The longest lease of any replica that claimed (ms): they differ while LEASE_MS is being changed.
local function longest_lease(own) return math.max(own, tonumber(redis.call('HGET', KEYS[1] .. 'clock', 'lease') or 0)) end

-- Members of a sorted set whose times are more than `longest` ms ahead get a time exactly that far ahead. Returns them,
-- about 5,000 at most.
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

-- Shortens the life of a key to `longest` ms: its expiry moved with the clock.
local function end_within(key, longest)
  if redis.call('PTTL', key) > longest then redis.call('PEXPIRE', key, longest) end
end

