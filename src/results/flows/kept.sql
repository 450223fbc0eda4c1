-- The results and errors of these jobs, unless they are longer than $4 bytes; null for none. $1 ids · $2 the lowest of them, $3 the highest
select id, case when octet_length(result::text) <= $4::int then result::text when result is not null then '' end as result,
  case when octet_length(error::text) <= $4::int then error::text when error is not null then '' end as error
from jobs where id = any ($1::uuid[]) and id between $2::uuid and $3::uuid
