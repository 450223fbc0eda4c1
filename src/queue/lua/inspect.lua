#!lua flags=no-writes,allow-oom
-- Where jobs stand, at one instant: for whoever reconciles.
-- KEYS: 1 namespace
-- ARGV: 1 number of types · the types · then ids
-- Returns: for each id: id, its text as far as its type goes ("" where there is none), the sets that hold it, with spaces between;
--          "states" beside them where the hash knows an id without a text, "payload" where a payload is left of one, "no_payload" where it is missing
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
  local text, state = redis.call('GETRANGE', jobs .. id, 0, 127), redis.call('HGET', states, id)
  if state and text == '' then found[#found + 1] = 'states' end
  if text == '' and redis.call('PTTL', payloads .. id) == -1 then found[#found + 1] = 'payload' end
  if size_of(text) and redis.call('EXISTS', payloads .. id) == 0 then found[#found + 1] = 'no_payload' end
  reply[#reply + 1] = string.find(text, '^%l%d[%w_]+|') and whole(text, state and string.sub(state, 1, 41)) or text
  reply[#reply + 1] = table.concat(found, ' ')
end
return reply
