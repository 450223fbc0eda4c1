-- Withdraws jobs that were committed for a batch that was closed: $1 the batch, $2 ids, $3 the first of them, $4 the last · $5 namespace,
-- $6 their Idempotency-Key, or null
with addition as (delete from flow_additions where flow = $1::uuid and first_id = $3::uuid),
  freed as (delete from accepted_keys where namespace = $5::text and key = $6::text and first_id = $3::uuid)
delete from accepted where id = any ($2::uuid[]) and id between $3::uuid and $4::uuid
