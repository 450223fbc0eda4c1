-- Notes that Redis has these revisions, and removes the rows of removed schedules that have no file.
-- One array for each column: $1 names, $2 revisions, $3 whether the schedule has ended
with applied (name, revision, is_ended) as (select * from unnest($1::text[], $2::bigint[], $3::boolean[])), removed as (
  delete from schedules using applied
  where schedules.name = applied.name and schedules.revision = applied.revision and is_removed and file_definition is null
)
update schedules set applied = applied.revision, is_ended = applied.is_ended from applied
where schedules.name = applied.name and schedules.revision = applied.revision and not (is_removed and file_definition is null)
  and (schedules.applied, schedules.is_ended) is distinct from (applied.revision, applied.is_ended)
