#!lua flags=no-writes,allow-oom
-- Where jobs stand, at one instant: for whoever reconciles.
-- KEYS: 1 namespace
-- ARGV: 1 number of types · the types · then ids
-- Returns: for each id: id, its string as far as its type goes ("" where there is none), the sets that hold it, with spaces between
local ns, n = KEYS[1], tonumber(ARGV[1])
local sets, reply = { 'live', 'scheduled', 'leased', 'outbox' }, {}
for i = 2, n + 1 do sets[#sets + 1] = 'ready:' .. ARGV[i] end
local keys = {}
for i, set in ipairs(sets) do keys[i] = ns .. set end
for at = n + 2, #ARGV do
  local id, found = ARGV[at], {}
  for i, key in ipairs(keys) do
    if redis.call('ZSCORE', key, id) then found[#found + 1] = sets[i] end
  end
  reply[#reply + 1] = id
  reply[#reply + 1] = redis.call('GETRANGE', ns .. 'j:' .. id, 0, 127)
  reply[#reply + 1] = table.concat(found, ' ')
end
return reply
