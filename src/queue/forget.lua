#!lua flags=allow-oom
-- Forgets jobs that Postgres holds. A repeat counts nothing twice.
-- KEYS: 1 namespace
-- ARGV: for each type: type, n, n ids
-- Returns: how many were forgotten by this call
local ns, at, total = KEYS[1], 1, 0
while at <= #ARGV do
  local kind, n = ARGV[at], tonumber(ARGV[at + 1])
  local removed = 0
  for first = at + 2, at + 1 + n, 1000 do
    local last, keys = math.min(first + 999, at + 1 + n), {}
    for i = first, last do keys[#keys + 1] = ns .. 'j:' .. ARGV[i] end
    removed = removed + redis.call('ZREM', ns .. 'outbox', unpack(ARGV, first, last))
    redis.call('ZREM', ns .. 'live', unpack(ARGV, first, last))
    redis.call('DEL', unpack(keys))
  end
  if removed > 0 then redis.call('HINCRBY', ns .. 'counts', 'recorded:' .. kind, removed) end
  total, at = total + removed, at + 2 + n
end
return total
