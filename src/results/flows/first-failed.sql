-- The job in ranges of ids that failed first, and its error, unless that is longer than $5 bytes.
-- $1 first ids, $2 last ids · $3 the lowest of all, $4 the highest
select id, case when octet_length(error::text) <= $5::int then error::text end as error
from unnest($1::uuid[], $2::uuid[]) as ids (first, last), lateral (
  select id, finished_at, error from jobs
  where id between ids.first and ids.last and id between $3::uuid and $4::uuid and status = 'failed' and status <> 'completed' offset 0
) as job
order by finished_at, id limit 1
