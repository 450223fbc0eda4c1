-- $1 name, $2 lowest id, $3 id above the highest
select taskflow_trim_accepted($1, $2::uuid, $3::uuid)::float8 as remaining
