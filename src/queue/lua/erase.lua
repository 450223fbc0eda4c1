#!lua flags=allow-oom
-- Drops the payloads and records of jobs that have ended. They stay in the outbox with their outcome, without result
-- and error. A flow no longer keeps these for other jobs.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: how many jobs it erased; a repeat erases the same jobs again
local sub, erased = string.sub, 0
local OUTCOME_OF = { [COMPLETED] = 'completed', [FAILED] = 'failed', [CANCELLED] = 'cancelled' }
for _, id in ipairs(ARGV) do
  local state = redis.call('HGET', states, id)
  local outcome = state and OUTCOME_OF[sub(state, STATE, STATE_END)]
  local metadata = outcome and string.match(redis.call('GET', jobs .. id) or '', '^[^\n]*\n')
  if metadata then
    -- A short record begins with "=" and the time. In others, quotes inside strings are escaped
    local last = string.match(state, '.*\n(.*)') or ''
    local finished_at = string.match(last, '^=(' .. string.rep('%d', 13) .. ')') or string.match(last, '"finished_at":(%d+)') or '0'
    local record = '{"attempt":' .. tonumber(sub(state, ATTEMPT, ATTEMPT_END)) .. ',"outcome":"' .. outcome .. '","worker":null,"started_at":null,"finished_at":' .. finished_at .. '}'
    redis.call('SET', jobs .. id, string.gsub(metadata, '^(..[%w_]+|%d+)>%d+|', '%1|') .. '{}')
    redis.call('HSET', states, id, sub(state, 1, HEADER_END) .. '\n' .. record)
    redis.call('UNLINK', payloads .. id)
    local member = string.match(metadata, '"flow":(%b{})')
    if member then
      local flow, node = string.match(member, '"id":"([^"]+)"'), string.match(member, '"at":(%d+)')
      redis.call('HDEL', KEYS[1] .. 'fr:' .. flow, 'r' .. node, 'e' .. node)
    end
    erased = erased + 1
  end
end
return erased
