-- Withdraws jobs that were committed for a batch, $1, which did not take them: $2 ids, $3 the first of them, $4 the last, $5 their
-- Idempotency-Key, or null. The key is free again.
with addition as (delete from flow_additions where flow = $1::uuid and first_id = $3::uuid),
  freed as (
    delete from accepted_keys using accepted
    where accepted.id = $3::uuid and accepted_keys.namespace = accepted.namespace and key = $5::text and first_id = $3::uuid
  )
delete from accepted where id = any ($2::uuid[]) and id between $3::uuid and $4::uuid
