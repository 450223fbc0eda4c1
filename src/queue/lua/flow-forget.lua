#!lua flags=allow-oom
-- Forgets ended flows that Postgres has stored.
-- KEYS: 1 namespace
-- ARGV: ids
-- Returns: how many this call forgot
local ns, call, forgotten = KEYS[1], redis.call, 0
for _, id in ipairs(ARGV) do
  if call('HGET', ns .. 'f:' .. id, 'left') == '0' then
    call('UNLINK', ns .. 'f:' .. id, ns .. 'fi:' .. id, ns .. 'fr:' .. id, ns .. 'ft:' .. id)
    call('ZREM', ns .. 'flows', id)
    for _, what in ipairs({ WORK_ENDED, WORK_ADVANCE, WORK_CANCEL, WORK_STOP, WORK_CLOSE }) do call('ZREM', ns .. 'flow_work', what .. id) end
    forgotten = forgotten + 1
  end
end
return forgotten
