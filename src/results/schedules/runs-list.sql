-- The runs of schedule $1, by tick, newest first, at most $2. $3 tick, epoch ms, $4 kind and $5 job of the last run of the page
-- before; $3 is null on the first page.
select (extract(epoch from tick) * 1000)::float8 as tick, (extract(epoch from at) * 1000)::float8 as at, ticks::float8 as ticks,
  version, kind, outcome, reason, job_id
from schedule_runs
where schedule = $1::uuid and ($3::float8 is null or tick <= to_timestamp($3::float8 / 1000))
  and ($3::float8 is null or (tick, kind, coalesce(job_id, '00000000-0000-0000-0000-000000000000'))
    < (to_timestamp($3::float8 / 1000), $4::text, coalesce($5::uuid, '00000000-0000-0000-0000-000000000000')))
order by schedule_runs.tick desc, kind desc, coalesce(job_id, '00000000-0000-0000-0000-000000000000') desc limit $2::int
