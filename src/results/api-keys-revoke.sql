-- Revokes the keys of this id or name, and adds an entry of the audit for each: at most one has the id, and one the
-- name. $1 id or name · $2 two ids of entries, $3 their time, epoch ms
with revoked as (
  update api_keys set revoked_at = now() where (id = $1 or name = $1) and revoked_at is null returning id, name
), noted as (
  insert into audit (id, at, key_name, action, target, details)
  select ($2::uuid[])[row_number() over (order by id)], to_timestamp($3::float8 / 1000), 'cli', 'keys.revoke', name, json_build_object('id', id) from revoked
)
select id, name from revoked
