-- The last fired tick of each of these schedules, and its job. $1 ids
select asked.id, last.tick, last.job_id from unnest($1::uuid[]) as asked (id) cross join lateral (
  select (extract(epoch from tick) * 1000)::float8 as tick, job_id from schedule_runs
  where schedule = asked.id and kind = 'tick' and job_id is not null order by schedule_runs.tick desc limit 1
) as last
