-- As list.sql, of the name $5
select id from unnest($2::text[]) as wanted (kind), unnest($3::text[]) as asked (status), lateral (
  select id from flows where name = $5::text and flows.kind = wanted.kind and flows.status = asked.status and id < $1::uuid order by id desc limit $4::int
) as flow
order by id desc limit $4::int
