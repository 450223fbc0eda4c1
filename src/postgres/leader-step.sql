-- Leads until the transaction ends. $1 lock, $2 lease, $3 holder, whose own lease does not matter
select case when exists (select from leaders where namespace = $2::text and holder <> $3::uuid and expires_at > clock_timestamp()) then false
  else pg_try_advisory_xact_lock(hashtextextended($1::text, 0)) end as leads
