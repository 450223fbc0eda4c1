#!lua flags=no-writes,allow-oom
-- Reads ids of live jobs, newest first, from the smallest of several sources (live-index.ts). A source is a union of
-- sets, which are read whole, and of names in the index. The index may lack jobs of a time: these are read from `live`.
-- All at one instant, so a job that moves between two sets is in one of them.
-- KEYS: 1 namespace
-- ARGV: 1 only ids below this one, or "" · 2 only ids from this one on, or "" · 3 how many at most
--       then for each source: number of sets, number of names, the sets (READY_SETS: that of each type), the names
-- Returns: n, the ranges: for each up to n + 1 members, newest first, and the sets: for each all its members, in any
--          order. An id is the last 36 characters of a member. A range of more than n members may go on
local ns, below, from, limit = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local call = redis.call
-- Ids of all sets, of all ranges, and of each range at least: 10,000 ids are 2 ms of Redis
local MAX_IN_SETS, MAX_IN_RANGES, MIN_IN_RANGE = 10000, 2000, 50
local ABOVE_ALL = 'g' -- greater than any id: ids are hexadecimal
if below == '' then below = ABOVE_ALL end

local indexed = call('HMGET', ns .. 'indexed', 'from', 'until')
local complete_at = tonumber(indexed[2] or 0) >= now and tonumber(indexed[1]) or math.huge
local is_partly_indexed = from == '' and complete_at > 0 or from ~= '' and time_of(from) < complete_at
local complete_from = ABOVE_ALL
if complete_at < math.huge then
  local hex = string.format('%012x', complete_at)
  complete_from = string.sub(hex, 1, 8) .. '-' .. string.sub(hex, 9)
end

local function range(key, prefix, first, beyond) return { ns .. key, '(' .. prefix .. beyond, '[' .. prefix .. first } end

local function size_of_range(of) return call('ZLEXCOUNT', of[1], of[3], of[2]) end

local function indexed_range(name) return range('index', name .. '\0', is_partly_indexed and complete_from or from, below) end

-- The part of `live` that the index may lack.
local function unindexed_range()
  local is_below = below ~= ABOVE_ALL and time_of(below) < complete_at
  return range('live', '', from, is_below and below or complete_from)
end

local function ready_sets()
  local sets = {}
  for _, field in ipairs(call('HKEYS', ns .. 'counts')) do
    local job_type = string.match(field, '^accepted:(.+)$')
    if job_type then sets[#sets + 1] = 'ready:' .. job_type end
  end
  return sets
end

-- A source, and how many ids it has at most; math.huge if its sets are too large to be read whole.
local function source_at(at)
  local n_sets, n_names, sets, ranges, size = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), {}, {}, 0
  for i = at + 2, at + 1 + n_sets do
    for _, set in ipairs(ARGV[i] == READY_SETS and ready_sets() or { ARGV[i] }) do
      sets[#sets + 1] = ns .. set
      size = size + call('ZCARD', ns .. set)
    end
  end
  if size > MAX_IN_SETS then size = math.huge end
  for i = at + 2 + n_sets, at + 1 + n_sets + n_names do ranges[#ranges + 1] = indexed_range(ARGV[i]) end
  if n_names > 0 and is_partly_indexed then ranges[#ranges + 1] = unindexed_range() end
  for _, of in ipairs(ranges) do size = size + size_of_range(of) end
  return { sets = sets, ranges = ranges }, size, at + 2 + n_sets + n_names
end

local best = { sets = {}, ranges = { range('live', '', from, below) } }
local least, at = size_of_range(best.ranges[1]), 4
while at <= #ARGV do
  local source, size, next_at = source_at(at)
  if size < least then best, least = source, size end
  at = next_at
end

local n = math.min(limit, math.max(MIN_IN_RANGE, math.floor(MAX_IN_RANGES / math.max(1, #best.ranges))))
local ranges, sets = {}, {}
for i, of in ipairs(best.ranges) do ranges[i] = call('ZRANGE', of[1], of[2], of[3], 'BYLEX', 'REV', 'LIMIT', 0, n + 1) end
for i, set in ipairs(best.sets) do sets[i] = call('ZRANGE', set, 0, -1) end
return { n, ranges, sets }
