#!lua flags=no-writes,allow-oom
-- A snapshot of jobs at one instant, for `taskflow verify`.
-- KEYS: 1 namespace
-- ARGV: 1 number of types · the types · then ids
-- Returns: for each id: id, the packed job up to its type and a little further ("" if there is none), the sets that
--          contain the id, separated by spaces; in addition "states" if the hash has an id without a job, "payload" if
--          a payload has no job, "no_payload" if the job's payload is missing
local ns, n = KEYS[1], tonumber(ARGV[1])
local sets, reply = { 'live', 'waiting', 'scheduled', 'leased', 'outbox' }, {}
for i = 2, n + 1 do sets[#sets + 1] = 'ready:' .. ARGV[i] end
local keys = {}
for i, set in ipairs(sets) do keys[i] = ns .. set end
for at = n + 2, #ARGV do
  local id, found = ARGV[at], {}
  for i, key in ipairs(keys) do
    if redis.call('ZSCORE', key, id) then found[#found + 1] = sets[i] end
  end
  reply[#reply + 1] = id
  local packed, state = redis.call('GETRANGE', jobs .. id, 0, 127), redis.call('HGET', states, id)
  if state and packed == '' then found[#found + 1] = 'states' end
  if packed == '' and redis.call('PTTL', payloads .. id) == -1 then found[#found + 1] = 'payload' end
  if size_of(packed) and redis.call('EXISTS', payloads .. id) == 0 then found[#found + 1] = 'no_payload' end
  reply[#reply + 1] = string.find(packed, '^%l%d[%w_]+|') and whole(packed, state and string.sub(state, 1, HEADER_END)) or packed
  reply[#reply + 1] = table.concat(found, ' ')
end
return reply
