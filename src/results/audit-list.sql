-- The entries with ids below $1 and not below $2, newest first; at most $3 of them. A filter that is null passes all:
-- $4 actions, $5 names or ids of keys.
select id, (extract(epoch from at) * 1000)::float8 as at, key_id, key_name, action, target, details::text, count::float8 as count, job_id, request_id
from audit
where id < $1::uuid and id >= $2::uuid and ($4::text[] is null or action = any ($4)) and ($5::text[] is null or key_id = any ($5) or key_name = any ($5))
order by id desc limit $3::int
