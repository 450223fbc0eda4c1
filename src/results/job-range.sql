-- The jobs that pass the filters, newest first, among the first $3 ids below $1 and not below $2; at most $4 of them.
-- The job whose payload and result exceed $10 bytes in total is the last. Leaves out large payloads, without
-- decompressing them.
-- A filter that is null passes all: $5 status, $6 type, $7 tag, $8 group_key, $9 error code.
-- Returns at least one row; on each, `examined` is the number of ids examined, and `lowest` the last of them.
select look.examined, look.lowest, job.*
from (
  select count(*)::int as examined, min(id::text collate "C")::uuid as lowest
  from (select id from jobs where id < $1::uuid and id >= $2::uuid order by id desc limit $3::int) as ids
) as look
left join lateral (
  select found.id, bytes, type, status, priority, durability, group_key, shown as payload, result::text, error, attempt, max_attempts, tags, retry_of, worker,
    (extract(epoch from run_at) * 1000)::float8 as run_at, (extract(epoch from created_at) * 1000)::float8 as created_at,
    (extract(epoch from started_at) * 1000)::float8 as started_at, (extract(epoch from finished_at) * 1000)::float8 as finished_at
  from (
    select *, sum(bytes) over (order by id desc) - bytes as before
    from (
      select *, (coalesce(octet_length(shown), 0) + coalesce(octet_length(result::text), 0))::float8 as bytes
      from jobs, lateral (select case when pg_column_size(payload) <= 32768 and octet_length(payload::text) <= 98304 then payload::text end as shown) as small
      where id < $1::uuid and id >= $2::uuid and id >= look.lowest
        and ($5::text[] is null or status = any ($5)) and ($6::text[] is null or type = any ($6)) and ($7::text[] is null or $7 && tags)
        and ($8::text[] is null or group_key = any ($8)) and ($9::text[] is null or error ->> 'code' = any ($9))
      order by id desc limit $4::int
    ) as passing
  ) as found
  where before < $10::float8
) as job on true
order by job.id desc
