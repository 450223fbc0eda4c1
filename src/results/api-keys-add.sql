insert into api_keys (id, name, hash, scopes, rate, quota) values ($1, $2, $3, $4, $5, $6) on conflict do nothing
