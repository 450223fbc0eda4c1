-- Leaves out results longer than $4 bytes. $1 ids · $2 the lowest of them · $3 the highest: the bounds limit the
-- partitions
select id, type, status, priority, durability, group_key, '' as payload, case when octet_length(result::text) <= $4 then result::text end as result,
  coalesce(octet_length(result::text) > $4, false) as result_omitted, error, attempt, max_attempts, tags, retry_of, options -> 'schedule' as schedule, options -> 'flow' as flow, worker,
  (extract(epoch from run_at) * 1000)::float8 as run_at, (options ->> 'expires_at')::float8 as expires_at, (extract(epoch from created_at) * 1000)::float8 as created_at,
  (extract(epoch from started_at) * 1000)::float8 as started_at, (extract(epoch from finished_at) * 1000)::float8 as finished_at,
  (extract(epoch from erased_at) * 1000)::float8 as erased_at
from jobs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid
