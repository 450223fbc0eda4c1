-- $1 name, $2 lowest id, $3 id above the highest
select taskflow_add_partition('accepted'::regclass, $1, $2::uuid, $3::uuid) as added
