#!lua flags=allow-oom
-- Shows the scripts for a limited time that a replica watches; the replica renews this before it ends.
-- KEYS: 1 namespace
-- ARGV: 1 the key that announce.lua reads: "watched" or "awaited"
--       2 the channel's name, unless it has one
--       3 for how long (ms)
-- Returns: the channel's name. It is not the namespace: databases of one Redis share channels, but not keys
local key = KEYS[1] .. ARGV[1]
local name = redis.call('GET', key)
redis.call('SET', key, name or ARGV[2], 'PX', ARGV[3])
-- Readers would treat a history that continues after a gap as complete.
if not name and ARGV[1] == 'watched' then redis.call('UNLINK', KEYS[1] .. 'history') end
return name or ARGV[2]
