-- Those of these jobs whose tick has a run without a job, or with another one.
-- One array for each column: $1 names of schedules, $2 ticks, epoch ms, $3 ids of the jobs
select asked.job_id from unnest($1::text[], $2::float8[], $3::uuid[]) as asked (name, tick, job_id)
join schedules on schedules.name = asked.name
join schedule_runs as run on run.schedule = schedules.id and run.tick = to_timestamp(asked.tick / 1000) and run.kind = 'tick'
where run.job_id is distinct from asked.job_id
