-- $1 ids · $2 the lowest of them · $3 the highest
delete from accepted where id = any($1::uuid[]) and id between $2::uuid and $3::uuid
