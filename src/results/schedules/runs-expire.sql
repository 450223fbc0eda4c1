-- Deletes up to $2 runs that were decided before $1, epoch ms. The latest tick of a schedule stays: it says from where to go on if
-- Redis comes back empty.
with expired as (
  select ctid from schedule_runs as run
  where at < to_timestamp($1::float8 / 1000) and (
    kind <> 'tick' or not exists (select from schedules where schedules.id = run.schedule)
    or exists (select from schedule_runs as later where later.schedule = run.schedule and later.kind = 'tick' and later.tick > run.tick)
  )
  limit $2::int
)
delete from schedule_runs using expired where schedule_runs.ctid = expired.ctid
