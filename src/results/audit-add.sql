-- One array for each column. An entry that is stored already stays as it is.
insert into audit (id, at, key_id, key_name, action, target, details, count, job_id, request_id)
select id, to_timestamp(at / 1000), key_id, key_name, action, target, details::json, count, job_id, request_id
from unnest($1::uuid[], $2::float8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::uuid[], $10::text[])
  as entry (id, at, key_id, key_name, action, target, details, count, job_id, request_id)
on conflict (id) do nothing
