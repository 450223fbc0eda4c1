-- The oldest of the other transactions that lock a table of TaskFlow for more than a second, and one of its locks; no
-- row if there is none.
select
  (array_agg(mode || ' on ' || relation::regclass::text order by relispartition, relname, mode))[1] as lock,
  pid,
  coalesce(nullif(application_name, ''), 'a session without a name') as name,
  state,
  extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
from pg_locks
join pg_class on pg_class.oid = relation and relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
join pg_stat_activity using (pid)
where granted and pid <> pg_backend_pid() and pg_locks.database = (select oid from pg_database where datname = current_database())
  and xact_start < clock_timestamp() - interval '1 second'
group by pid, application_name, state, xact_start
order by xact_start
limit 1
