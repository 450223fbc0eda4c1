-- $1 ids · $2 the lowest of them · $3 the highest: the bounds limit the query to the partitions of these ids
select id from accepted where id = any($1::uuid[]) and id between $2::uuid and $3::uuid
