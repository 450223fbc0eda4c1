-- Adds runs, and counts the ticks of each schedule, in all and by the half hours of the last day. A run that
-- is stored already stays as it is, and is not counted again. The first run of a tick stays, too: a Redis that has forgotten it may have
-- decided the tick otherwise.
-- $1 an array of objects: ScheduleRun in core/schedules/schedule.ts
with added as (
  insert into schedule_runs (schedule, tick, at, job_id, ticks, version, kind, outcome, reason)
  select schedule, to_timestamp(tick / 1000), to_timestamp(at / 1000), "jobId", ticks, version, kind, outcome, reason
  from json_to_recordset($1::json) as run (schedule uuid, tick float8, at float8, "jobId" uuid, ticks bigint, version integer, kind text,
    outcome text, reason text)
  where kind <> 'tick' or not exists (
    select from schedule_runs as first
    where first.schedule = run.schedule and first.tick = to_timestamp(run.tick / 1000) and first.kind = 'tick'
  )
  order by schedule, tick, kind, "jobId"
  on conflict do nothing
  returning schedule, tick, ticks, kind, outcome
), by_half_hour as (
  select schedule, floor(extract(epoch from tick) / 1800)::bigint as half,
    coalesce(sum(ticks) filter (where outcome = 'fired'), 0) as fired, coalesce(sum(ticks) filter (where outcome = 'late'), 0) as late,
    coalesce(sum(ticks) filter (where outcome = 'skipped'), 0) as skipped, coalesce(sum(ticks) filter (where outcome = 'missed'), 0) as missed
  from added where kind = 'tick' group by schedule, half
), counted as (
  select schedule, sum(fired) as fired, sum(late) as late, sum(skipped) as skipped, sum(missed) as missed,
    jsonb_object_agg(half, jsonb_build_array(fired, late, skipped, missed)) as recent
  from by_half_hour group by schedule
)
update schedules set fired = schedules.fired + counted.fired, late = schedules.late + counted.late,
  skipped = schedules.skipped + counted.skipped, missed = schedules.missed + counted.missed,
  recent = (
    select coalesce(jsonb_object_agg(half, counts), '{}') from (
      select half, jsonb_build_array(sum((counts ->> 0)::bigint), sum((counts ->> 1)::bigint), sum((counts ->> 2)::bigint), sum((counts ->> 3)::bigint))
        as counts
      from (select * from jsonb_each(schedules.recent) union all select * from jsonb_each(counted.recent)) as halves (half, counts)
      where half::bigint > floor(extract(epoch from now()) / 1800) - 48
      group by half
    ) as kept
  )
from counted where schedules.id = counted.schedule
