-- Of the first $4 rows above id $2 and below id $3: those of namespace $1 that `jobs` does not have, and the bytes of
-- each.
-- Returns at least one row; on each, `last` is the highest id examined, or null.
with slice as materialized (
  select id, namespace, octet_length(submission) as bytes from accepted where id > $2::uuid and id < $3::uuid order by id limit $4::int
)
select look.last, missing.id, missing.bytes
from (select max(id::text collate "C")::uuid as last from slice) as look
left join lateral (
  select id, bytes from slice where namespace = $1::text and not exists (select from jobs where jobs.id = slice.id)
) as missing on true
order by missing.id
