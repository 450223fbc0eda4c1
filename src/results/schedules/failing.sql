-- Those of the schedules whose last jobs all failed: of each id of $1, the number of jobs in $2. Only runs decided since the definition
-- was changed or a pause ended count.
select asked.id from unnest($1::uuid[], $2::integer[]) as asked (id, failures)
join schedules on schedules.id = asked.id
cross join lateral (
  select count(*) as jobs, bool_and(coalesce(jobs.status = 'failed', false)) as all_failed
  from (
    select job_id from schedule_runs
    where schedule = asked.id and kind = 'tick' and job_id is not null and at > schedules.failures_from
    order by tick desc limit asked.failures
  ) as run left join jobs on jobs.id = run.job_id
) as last
where last.jobs = asked.failures and last.all_failed
