-- $1 id. Leaves out a large payload, without decompressing it.
select id, type, status, priority, durability, group_key, case when pg_column_size(payload) <= 32768 and octet_length(payload::text) <= 98304 then payload::text end as payload, result::text, error, attempt, max_attempts, tags, retry_of, options -> 'schedule' as schedule, options -> 'flow' as flow, worker,
  (extract(epoch from run_at) * 1000)::float8 as run_at, (options ->> 'expires_at')::float8 as expires_at, (extract(epoch from created_at) * 1000)::float8 as created_at,
  (extract(epoch from started_at) * 1000)::float8 as started_at, (extract(epoch from finished_at) * 1000)::float8 as finished_at,
  (extract(epoch from erased_at) * 1000)::float8 as erased_at, options ->> 'callback_url' is not null as has_callback
from jobs where id = $1::uuid
