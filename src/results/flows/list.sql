-- The ids of the newest flows below $1: of these kinds, $2, and statuses, $3; at most $4.
select id from unnest($2::text[]) as wanted (kind), unnest($3::text[]) as asked (status), lateral (
  select id from flows where flows.kind = wanted.kind and flows.status = asked.status and id < $1::uuid order by id desc limit $4::int
) as flow
order by id desc limit $4::int
