-- The durable flows of namespace $1 that run, above id $2 and below id $3, in the order of ids, at most $4
select id from flows where namespace = $1::text and status = 'running' and is_durable and id > $2::uuid and id < $3::uuid order by id limit $4::int
