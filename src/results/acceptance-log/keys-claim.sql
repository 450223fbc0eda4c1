-- Claims keys that are new or expired. $1 namespace, then arrays of equal length: $2 keys, $3 fingerprints, $4 first
-- ids, $5 TTL, ms.
-- Sorted by key: two batches with the same keys in different orders would deadlock.
insert into accepted_keys as known (namespace, key, fingerprint, first_id, expires_at)
select distinct on (key) $1::text, key, fingerprint, first_id, now() + ttl_ms * interval '1 millisecond'
from unnest($2::text[], $3::text[], $4::uuid[], $5::float8[]) as claimed (key, fingerprint, first_id, ttl_ms)
order by key, first_id
on conflict (namespace, key) do update
  set fingerprint = excluded.fingerprint, first_id = excluded.first_id, expires_at = excluded.expires_at
  where known.expires_at <= now()
