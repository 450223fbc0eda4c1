-- The sessions for which a session waits, and its lock; no rows if it waits for none. $1 pid of the waiting session
select
  (select string_agg(distinct case when relation is null then 'the lock of type ' || locktype else mode || ' on ' || relation::regclass::text end, ', ')
   from pg_locks where pid = $1::int and not granted) as lock,
  holder.pid,
  coalesce(nullif(application_name, ''), 'a session without a name') as name,
  state,
  extract(epoch from clock_timestamp() - coalesce(xact_start, backend_start))::float8 as seconds
from unnest(pg_blocking_pids($1::int)) as holder (pid) left join pg_stat_activity using (pid)
