-- As in 0002, but it looks before it locks: each past day's partition with jobs that still wait was copied into a temporary table under
-- an exclusive lock every hour, though nothing may have changed. Now that happens only where it drops the partition, or halves it.
create or replace function taskflow_trim_accepted(name text, from_id uuid, to_id uuid) returns bigint language plpgsql set lock_timeout = '100ms' as $$
declare
  held bigint;
  remaining bigint;
begin
  execute format('select (select count(*) from %I), (select count(*) from %I as a
    where not exists (select from jobs where jobs.id = a.id and jobs.id >= %L and jobs.id < %L))', name, name, from_id, to_id) into held, remaining;
  if remaining * 2 > held then
    return remaining;
  end if;
  -- Rows may have come in the meantime: asked again while nobody can write.
  execute format('lock table %I in access exclusive mode', name);
  execute format('create temp table remaining_accepted on commit drop as select * from %I as a
    where not exists (select from jobs where jobs.id = a.id and jobs.id >= %L and jobs.id < %L)', name, from_id, to_id);
  select count(*) from remaining_accepted into remaining;
  if remaining = 0 then
    execute format('drop table %I', name);
  else
    execute format('truncate %I', name);
    execute format('insert into %I select * from remaining_accepted', name);
  end if;
  return remaining;
exception
  when lock_not_available or deadlock_detected then
    return null;
end $$;
