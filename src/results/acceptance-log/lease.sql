-- Takes or renews the lease of the leader: no row where another one has it, or leads by the lock of accepted-lead.sql. $1 namespace, $2 holder, $3 for how long, ms
insert into leaders (namespace, holder, expires_at)
select $1::text, $2::uuid, clock_timestamp() + $3::float8 * interval '1 millisecond' where pg_try_advisory_xact_lock(hashtextextended('taskflow.restore ' || $1::text, 0))
on conflict (namespace) do update
  set holder = excluded.holder, expires_at = excluded.expires_at
  where leaders.holder = excluded.holder or leaders.expires_at <= clock_timestamp()
returning holder
