-- The flows that those of these jobs belong to that have a row. $1 ids · $2 the lowest of them · $3 the highest
select id, options -> 'flow' as flow from jobs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid and options -> 'flow' is not null
