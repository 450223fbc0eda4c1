-- Takes or renews a lease. Returns no row if another replica has it, or leads by the lock. $1 lock, $2 lease, $3
-- holder, $4 duration in ms
insert into leaders (namespace, holder, expires_at)
select $2::text, $3::uuid, clock_timestamp() + $4::float8 * interval '1 millisecond' where pg_try_advisory_xact_lock(hashtextextended($1::text, 0))
on conflict (namespace) do update
  set holder = excluded.holder, expires_at = excluded.expires_at
  where leaders.holder = excluded.holder or leaders.expires_at <= clock_timestamp()
returning holder
