-- The submission that was committed with an Idempotency-Key: $1 namespace, $2 key
select fingerprint, first_id from accepted_keys where namespace = $1::text and key = $2::text and expires_at > now()
