-- The error groups of a range of hours, the most frequent first, with their counts in each of the last 24 hours. The
-- time at which a group was first seen may be before the range; the index error_groups_first finds it.
-- $1 from and $2 to, epoch ms, both multiples of an hour · $3 types, or null for all · $4 how many at most · $5 epoch
-- ms: the start of the first of the last 24 hours
with found as (
  select type, code, signature, sum(count) as count, max(last_seen) as last_seen,
    taskflow_first_examples(examples order by hour desc, writer) as examples
  from error_groups
  where hour >= to_timestamp($1::float8 / 1000) and hour < to_timestamp($2::float8 / 1000) and ($3::text[] is null or type = any($3))
  group by type, code, signature
  order by sum(count) desc, type, code, signature
  limit $4
), hours as (
  select type, code, signature, floor((extract(epoch from hour) * 1000 - $5::float8) / 3600000)::integer as index, sum(count) as count
  from error_groups
  where hour >= to_timestamp($5::float8 / 1000) and hour < to_timestamp($5::float8 / 1000) + interval '24 hours' and ($3::text[] is null or type = any($3))
  group by type, code, signature, hour
), hourly as (
  select type, code, signature, json_object_agg(index, count) as counts from hours group by type, code, signature
)
select type, code, signature, count::float8 as count,
  (select (extract(epoch from min(first_seen)) * 1000)::float8 from error_groups as first
    where (first.type, first.code, first.signature) = (found.type, found.code, found.signature)
      and hour = (select min(hour) from error_groups as kept
        where (kept.type, kept.code, kept.signature) = (found.type, found.code, found.signature))) as first_seen,
  (extract(epoch from last_seen) * 1000)::float8 as last_seen, examples::text[] as examples, coalesce(counts, '{}') as hourly
from found left join hourly using (type, code, signature)
order by count desc, type, code, signature
