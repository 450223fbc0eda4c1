-- How these jobs ended, in the order of ids, as long as the results before are shorter than $4 bytes together. On each row, `found` is how
-- many of the jobs have a row. $1 ids · $2 the lowest of them · $3 the highest
select id, status, result, error, found::int as found
from (
  select id, status, result::text as result, error::text as error, count(*) over () as found,
    coalesce(sum(octet_length(result::text)) over (order by id rows between unbounded preceding and 1 preceding), 0) as before
  from jobs where id = any ($1::uuid[]) and id between $2::uuid and $3::uuid
) as job
where before < $4::bigint order by id
