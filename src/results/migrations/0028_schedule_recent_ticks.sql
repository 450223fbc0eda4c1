-- How many ticks of the last day were decided each way, by half hour. A schedule that ticks each second has more runs in
-- a day than a request may read.
alter table schedules add column recent jsonb not null default '{}'; -- half hours since 1970 → [fired, late, skipped, missed]
