-- $1 namespace. Held until the connection ends. A replica behind a pooler may lead by a lease (accepted-lease.sql).
select case when exists (select from leaders where namespace = $1::text and expires_at > clock_timestamp()) then false
  else pg_try_advisory_lock(hashtextextended('taskflow.restore ' || $1::text, 0)) end as leads
