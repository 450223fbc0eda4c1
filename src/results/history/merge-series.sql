-- Moves the counts of the oldest minutes, up to an hour of them, into the merged ones: by minute, hour and day.
-- $1 epoch ms: only minutes that ended before · returns the number of rows moved
with moved as (
  delete from job_series
  where minute < date_trunc('minute', to_timestamp($1::float8 / 1000), 'UTC')
    and minute < (select min(minute) + interval '1 hour' from job_series)
  returning *
), added as (
  insert into job_series_merged as stored (step, at, type, completed, failed, cancelled, retries, run_total_ms, pickup, run)
    select step, date_trunc(step, minute, 'UTC') as at, type, sum(completed), sum(failed), sum(cancelled), sum(retries), sum(run_total_ms),
      taskflow_sum_histograms(pickup), taskflow_sum_histograms(run)
    from moved, unnest(array['minute', 'hour', 'day']) as step
    group by step, date_trunc(step, minute, 'UTC'), type
    order by step, at, type
  on conflict (step, at, type) do update set
    completed = stored.completed + excluded.completed, failed = stored.failed + excluded.failed,
    cancelled = stored.cancelled + excluded.cancelled, retries = stored.retries + excluded.retries,
    run_total_ms = stored.run_total_ms + excluded.run_total_ms,
    pickup = taskflow_add_histogram(stored.pickup, excluded.pickup), run = taskflow_add_histogram(stored.run, excluded.run)
)
select count(*)::integer as moved from moved
