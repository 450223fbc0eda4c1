-- Writes a schedule's row. Its revision rises, also after a row of the same name that no longer exists, and after the
-- database was restored from a backup: it is a time in ms. Runs that are added meanwhile stay counted.
-- $1 name, $2 id, $3 version, $4 definition, $5 definition of its file, $6 job type, $7 tags, $8 API key, $9 policy of the resumption,
-- $10 reason and $11 author of the pause · epoch ms: $12 and $13 the pause's start and end, $14 effective from, $15 failures from,
-- $16 created, $17 updated · $18 whether it is removed, $19 whether it has ended · $20 the revision rises above this one
insert into schedules as stored (name, id, version, definition, file_definition, job_type, tags, api_key, resume_catch_up, pause_reason, paused_by,
  paused_at, paused_until, effective_from, failures_from, created_at, updated_at, is_removed, is_ended, revision)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, to_timestamp($12::float8 / 1000), to_timestamp($13::float8 / 1000),
  to_timestamp($14::float8 / 1000), to_timestamp($15::float8 / 1000), to_timestamp($16::float8 / 1000), to_timestamp($17::float8 / 1000),
  $18, $19, greatest((extract(epoch from clock_timestamp()) * 1000)::bigint, $20::bigint + 1))
on conflict (name) do update set (id, version, definition, file_definition, job_type, tags, api_key, resume_catch_up, pause_reason, paused_by,
  paused_at, paused_until, effective_from, failures_from, created_at, updated_at, is_removed, is_ended, revision, fired, late, skipped, missed, recent) =
  (excluded.id, excluded.version, excluded.definition, excluded.file_definition, excluded.job_type, excluded.tags, excluded.api_key,
  excluded.resume_catch_up, excluded.pause_reason, excluded.paused_by, excluded.paused_at, excluded.paused_until, excluded.effective_from,
  excluded.failures_from, excluded.created_at, excluded.updated_at, excluded.is_removed, excluded.is_ended, greatest(excluded.revision, stored.revision + 1),
  case when stored.id = excluded.id then stored.fired else 0 end, case when stored.id = excluded.id then stored.late else 0 end,
  case when stored.id = excluded.id then stored.skipped else 0 end, case when stored.id = excluded.id then stored.missed else 0 end,
  case when stored.id = excluded.id then stored.recent else '{}' end)
returning revision::float8 as revision, applied::float8 as applied
