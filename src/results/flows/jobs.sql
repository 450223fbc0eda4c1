-- The finished jobs of ranges of ids that have one of the statuses $5, after id $7 (null: from the first), in the order of ids, at most $6.
-- $1 first ids, $2 last ids · $3 the lowest of all, $4 the highest: the bounds limit the partitions
select id from unnest($1::uuid[], $2::uuid[]) as ids (first, last), lateral (
  select id from jobs
  where id between ids.first and ids.last and id between $3::uuid and $4::uuid and ($7::uuid is null or id > $7::uuid) and status = any ($5::text[])
  order by id limit $6::int
) as job
order by id limit $6::int
