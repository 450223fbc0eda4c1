#!lua flags=allow-oom
-- Removes what is left of flows whose hash is gone.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: how many this call removed
local ns, call, removed = KEYS[1], redis.call, 0
for _, id in ipairs(ARGV) do
  if call('EXISTS', ns .. 'f:' .. id) == 0 then
    call('UNLINK', ns .. 'fi:' .. id, ns .. 'fr:' .. id, ns .. 'ft:' .. id)
    removed = removed + call('ZREM', ns .. 'flows', id)
  end
end
return removed
