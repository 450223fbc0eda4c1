-- $1 namespace, $2 keys
select key, fingerprint, first_id from accepted_keys where namespace = $1::text and key = any ($2::text[])
