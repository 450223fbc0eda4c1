select id, name, hash, scopes, rate, quota, created_at as "createdAt", revoked_at as "revokedAt" from api_keys order by created_at, id
