-- Locks the rows in the order of their ids. $1 ids · $2 the lowest of them · $3 the highest
select id, error::text as error, attempts::text as attempts, options::text as options, erased_at is not null as "isErased"
from jobs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid order by id for update
