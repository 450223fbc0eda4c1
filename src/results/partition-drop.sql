-- $1 name, $2 when its jobs must have finished before, epoch ms
select taskflow_drop_partition($1, to_timestamp($2::float8 / 1000)) as dropped
