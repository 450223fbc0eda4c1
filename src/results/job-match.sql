-- The ids of finished jobs that pass the filters, among the first $3 ids below $1 and not below $2, newest first. Jobs
-- of type replay pass none.
-- A filter that is null passes all: $4 status, $5 type, $6 tag, $7 group_key, $8 error code; $9: finished at this time
-- at the latest, epoch ms;
-- $10 whether reruns of other jobs (`retry_of`) are among them.
-- Returns at least one row; on each, `examined` is the number of ids examined, and `lowest` the last of them.
select look.examined, look.lowest, job.id
from (
  select count(*)::int as examined, min(id::text collate "C")::uuid as lowest
  from (select id from jobs where id < $1::uuid and id >= $2::uuid order by id desc limit $3::int) as ids
) as look
left join lateral (
  select id from jobs
  where id < $1::uuid and id >= $2::uuid and id >= look.lowest and type <> 'replay' and finished_at <= to_timestamp($9::float8 / 1000)
    and ($4::text[] is null or status = any ($4)) and ($5::text[] is null or type = any ($5)) and ($6::text[] is null or $6 && tags)
    and ($7::text[] is null or group_key = any ($7)) and ($8::text[] is null or error ->> 'code' = any ($8))
    and ($10::boolean or retry_of is null)
) as job on true
order by job.id desc
