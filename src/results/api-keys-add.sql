-- Adds a key, and in the same statement its entry of the audit. $1 to $6 the key · $7 id of the entry, $8 its time, epoch ms
with added as (
  insert into api_keys (id, name, hash, scopes, rate, quota) values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id, name, scopes, rate, quota
)
insert into audit (id, at, key_name, action, target, details)
select $7::uuid, to_timestamp($8::float8 / 1000), 'cli', 'keys.create', name, json_build_object('id', id, 'scopes', scopes, 'rate', rate, 'quota', quota) from added
