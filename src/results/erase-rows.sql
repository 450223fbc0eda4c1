-- $1 ids · $2 the lowest of them · $3 the highest · $4 errors, $5 attempts, $6 options, by position · $7 epoch ms
update jobs set payload = 'null', result = null, error = erased.error::json, attempts = erased.attempts::json, options = erased.options::json,
  erased_at = to_timestamp($7::float8 / 1000)
from unnest($1::uuid[], $4::text[], $5::text[], $6::text[]) as erased (id, error, attempts, options)
where jobs.id = erased.id and jobs.id between $2::uuid and $3::uuid
