#!lua flags=allow-oom
-- Pauses a type's queue. A reason replaces an earlier one.
-- KEYS: 1 namespace
-- ARGV: 1 type · 2 reason, or ''
-- Returns: 1 if it was not paused before, else 0
local ns, job_type, reason = KEYS[1], ARGV[1], ARGV[2]
if reason ~= '' then redis.call('HSET', ns .. 'pause_reasons', job_type, reason) end
return redis.call('SADD', ns .. 'paused', job_type)
