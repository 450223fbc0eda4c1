-- $1 id
select options from jobs where id = $1::uuid
