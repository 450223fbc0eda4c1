#!lua flags=allow-oom
-- Says that somebody watches, for a time; renewed before it is over.
-- KEYS: 1 namespace
-- ARGV: 1 what is looked at by announce.lua: "watched" or "awaited"   2 what names the channel where nothing does yet   3 for how long, in ms
-- Returns: what names the channel. Not the namespace: databases of one Redis share channels, but not keys
local key = KEYS[1] .. ARGV[1]
local name = redis.call('GET', key)
redis.call('SET', key, name or ARGV[2], 'PX', ARGV[3])
-- A history that goes on after a gap would be taken for whole.
if not name and ARGV[1] == 'watched' then redis.call('UNLINK', KEYS[1] .. 'history') end
return name or ARGV[2]
