-- Leads until the connection ends. $1 lock, $2 lease, under which a replica behind a pooler may lead
-- (leader-lease.sql).
select case when exists (select from leaders where namespace = $2::text and expires_at > clock_timestamp()) then false
  else pg_try_advisory_lock(hashtextextended($1::text, 0)) end as leads
