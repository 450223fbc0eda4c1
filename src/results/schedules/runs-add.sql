-- Adds runs, one array for each column, and counts the ticks of each schedule. A run that is stored already stays as it is, and is not
-- counted again.
-- $1 schedules, $2 ticks, $3 times of the decision, both epoch ms, $4 jobs, $5 counts of ticks, $6 versions, $7 kinds, $8 outcomes, $9 reasons
with added as (
  insert into schedule_runs (schedule, tick, at, job_id, ticks, version, kind, outcome, reason)
  select schedule, to_timestamp(tick / 1000), to_timestamp(at / 1000), job_id, ticks, version, kind, outcome, reason
  from unnest($1::uuid[], $2::float8[], $3::float8[], $4::uuid[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::text[])
    as run (schedule, tick, at, job_id, ticks, version, kind, outcome, reason)
  order by schedule, tick, kind, job_id
  on conflict do nothing
  returning schedule, ticks, kind, outcome
), counted as (
  select schedule, coalesce(sum(ticks) filter (where outcome = 'fired'), 0) as fired, coalesce(sum(ticks) filter (where outcome = 'late'), 0) as late,
    coalesce(sum(ticks) filter (where outcome = 'skipped'), 0) as skipped, coalesce(sum(ticks) filter (where outcome = 'missed'), 0) as missed
  from added where kind = 'tick' group by schedule
)
update schedules set fired = schedules.fired + counted.fired, late = schedules.late + counted.late,
  skipped = schedules.skipped + counted.skipped, missed = schedules.missed + counted.missed
from counted where schedules.id = counted.schedule
