-- $1 id
select payload from jobs where id = $1::uuid
