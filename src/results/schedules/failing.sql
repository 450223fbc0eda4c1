-- Those of the schedules whose last jobs all failed: of each id of $1, the number of jobs in $2. Only runs decided since the definition
-- was changed or a pause ended count.
select asked.id from unnest($1::uuid[], $2::integer[]) as asked (id, failures)
join schedules on schedules.id = asked.id
cross join lateral (
  select count(*) as jobs, bool_and(status is not distinct from 'failed') as all_failed
  from (
    -- each job by its id, in its partition alone
    select (select status from jobs where jobs.id = run.job_id) as status
    from schedule_runs as run
    where schedule = asked.id and kind = 'tick' and job_id is not null and at > schedules.failures_from
    order by tick desc limit asked.failures
  ) as runs
) as last
where last.jobs = asked.failures and last.all_failed
