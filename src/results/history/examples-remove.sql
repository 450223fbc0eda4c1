-- Removes jobs from the examples of the error groups, so that no group names an erased job.
-- $1 the ids of finished jobs, as uuid[]
update error_groups set examples = array(select id from unnest(examples) with ordinality as each (id, n) where id <> all($1::uuid[]) order by n)
where examples && $1::uuid[]
  and hour in (select distinct date_trunc('hour', finished_at, 'UTC') from jobs where id = any($1::uuid[]))
