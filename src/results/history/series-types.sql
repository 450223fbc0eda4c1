-- The counts of each type in a range, those with the most run time first.
-- $1 minute, hour or day · $2 from and $3 to, epoch ms, both multiples of the step · $4 types, or null for all
with counts as (
  select minute as at, type, completed, failed, cancelled, retries, run_total_ms, pickup, run from job_series
  union all
  -- where the minutes have been removed, their hour replaces them
  select at, type, completed, failed, cancelled, retries, run_total_ms, pickup, run from job_series_merged
  where step = $1 or (step = 'hour' and is_folded and $1 = 'minute')
)
select type, sum(completed)::float8 as completed, sum(failed)::float8 as failed, sum(cancelled)::float8 as cancelled,
  sum(retries)::float8 as retries, sum(run_total_ms)::float8 as run_total_ms,
  taskflow_sum_histograms(pickup) as pickup, taskflow_sum_histograms(run) as run
from counts
where at >= to_timestamp($2::float8 / 1000) and at < to_timestamp($3::float8 / 1000) and ($4::text[] is null or type = any($4))
group by type
order by sum(run_total_ms) desc, type
