-- The newest of these jobs, as far as their payloads take up $4 bytes in memory; one at least.
-- $1 ids · $2 the lowest of them · $3 the highest · $4 bytes
select id, payload::text as payload, error ->> 'message' as message
from (
  select id, payload, error, sum(cost) over (order by id desc) - cost as before
  from (
    select id, payload, error,
      pg_column_size(payload) * case when pg_column_compression(payload) is null then 1 else 16 end as cost
    from jobs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid
  ) as sized
) as bounded
where before < $4::float8
order by id desc
