-- Schedules by name, ascending, each with the run of its latest tick. A filter that is null passes all.
-- $1 names · $2 only names after this one · $3 at most so many · $4 type · $5 tag · $6 state, as of $7 epoch ms
-- $8 'all', 'present': without removed ones, 'unapplied': those that Redis does not have yet, 'of_files'
select name, id, version, revision::float8 as revision, applied::float8 as applied, is_removed, is_ended,
  fired::float8 as fired, late::float8 as late, skipped::float8 as skipped, missed::float8 as missed, recent,
  definition::text as definition, file_definition::text as file_definition, api_key, resume_catch_up,
  pause_reason, paused_by, (extract(epoch from paused_at) * 1000)::float8 as paused_at, (extract(epoch from paused_until) * 1000)::float8 as paused_until,
  (extract(epoch from effective_from) * 1000)::float8 as effective_from, (extract(epoch from failures_from) * 1000)::float8 as failures_from,
  (extract(epoch from created_at) * 1000)::float8 as created_at, (extract(epoch from updated_at) * 1000)::float8 as updated_at,
  last.tick, last.at, last.ticks, last.run_version, last.outcome, last.reason, last.job_id
from schedules left join lateral (
  select (extract(epoch from tick) * 1000)::float8 as tick, (extract(epoch from at) * 1000)::float8 as at, ticks::float8 as ticks,
    version as run_version, outcome, reason, job_id
  from schedule_runs where schedule = schedules.id and kind = 'tick' order by schedule_runs.tick desc, job_id desc limit 1
) as last on true
where ($1::text[] is null or name = any ($1)) and ($2::text is null or name > $2)
  and ($4::text is null or job_type = $4) and ($5::text is null or tags @> array[$5])
  and ($6::text is null or $6 = case
    when paused_at is not null and (paused_until is null or paused_until > to_timestamp($7::float8 / 1000)) then 'paused'
    when is_ended then 'ended' else 'active' end)
  and case $8::text when 'all' then true when 'present' then not is_removed when 'unapplied' then applied <> revision else file_definition is not null end
order by name limit $3::int
