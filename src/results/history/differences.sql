-- The hours and types whose counts in the history differ from the rows of `jobs`, read in one snapshot.
-- $1 epoch ms: hours that begin before are left out, and so are those before replicas counted. The run times of hours
-- before replicas counted these are null on both sides
with applied as (
  select min(applied_at) as first, max(applied_at) filter (where name = '0021_history.sql') as history,
    max(applied_at) filter (where name = '0023_queue_history.sql') as run_totals
  from taskflow_migrations
), since as (
  -- In a database that existed before, replicas of the earlier version may have recorded for a while without counting.
  select greatest(
    to_timestamp($1::float8 / 1000),
    case when history < first + interval '1 minute' then '-infinity' else history + interval '1 day' end
  ) as since, case when run_totals < first + interval '1 minute' then '-infinity' else run_totals + interval '1 day' end as run_totals
  from applied
), stored as (
  select date_trunc('hour', finished_at, 'UTC') as hour, type, count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed') as failed, count(*) filter (where status = 'cancelled') as cancelled,
    sum(greatest(attempt - 1, 0)) as retries, count(*) filter (where status = 'failed') as errors,
    case when date_trunc('hour', finished_at, 'UTC') >= (select run_totals from since)
      then sum(greatest(round(extract(epoch from finished_at - started_at) * 1000), 0)) end as run_total_ms
  from jobs group by 1, 2
), counted as (
  select hour, type, sum(completed) as completed, sum(failed) as failed, sum(cancelled) as cancelled, sum(retries) as retries, sum(errors) as errors,
    case when hour >= (select run_totals from since) then sum(run_total_ms) end as run_total_ms
  from (
    select date_trunc('hour', minute, 'UTC') as hour, type, completed, failed, cancelled, retries, 0 as errors, run_total_ms from job_series
    union all
    select at, type, completed, failed, cancelled, retries, 0, run_total_ms from job_series_merged where step = 'hour'
    union all
    select hour, type, 0, 0, 0, 0, count, 0 from error_groups
  ) as counts
  group by hour, type
)
select (extract(epoch from hour) * 1000)::float8 as hour, type,
  concat_ws(', ', stored.completed, stored.failed, stored.cancelled, stored.retries, stored.errors, stored.run_total_ms) as stored,
  concat_ws(', ', counted.completed, counted.failed, counted.cancelled, counted.retries, counted.errors, counted.run_total_ms) as counted
from stored full join counted using (hour, type)
where hour >= (select since from since) and (stored.completed, stored.failed, stored.cancelled, stored.retries, stored.errors, stored.run_total_ms)
  is distinct from (counted.completed, counted.failed, counted.cancelled, counted.retries, counted.errors, counted.run_total_ms)
order by hour, type
limit 1000
