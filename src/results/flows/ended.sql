-- The finished jobs in ranges of ids: for each range that has any, its number from 1, and for each of its jobs nine characters: c completed,
-- f failed or x cancelled, and the last eight digits of the id.
-- $1 first ids, $2 last ids · $3 the lowest of all, $4 the highest: the bounds limit the partitions
select nth::int as nth, string_agg(case status when 'completed' then 'c' when 'failed' then 'f' else 'x' end || right(job.id::text, 8), '') as jobs
from unnest($1::uuid[], $2::uuid[]) with ordinality as ids (first, last, nth), lateral (
  select id, status from jobs where id between ids.first and ids.last and id between $3::uuid and $4::uuid offset 0
) as job
group by nth
