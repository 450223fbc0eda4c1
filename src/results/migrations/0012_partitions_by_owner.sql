-- Partitions are made, emptied and dropped by the owner of the tables, whoever asks: a replica's role needs no more than the right to
-- read and write data. Each function looks whether its caller may write what it changes, touches nothing but a partition of ours, and
-- finds names in the schema of the tables alone.
drop function taskflow_add_partition(text, uuid, uuid);
drop function taskflow_add_partition(regclass, text, uuid, uuid);

-- Raises where the caller lacks a right on a table: the role that it has set, or logged in as.
create function taskflow_require_right(on_table regclass, needed text) returns void language plpgsql as $$
begin
  if not has_table_privilege(coalesce(nullif(current_setting('role'), 'none'), session_user), on_table, needed) then
    raise exception 'permission denied for table %: grant % on it', on_table, needed using errcode = 'insufficient_privilege';
  end if;
end $$;

create function taskflow_add_partition(parent regclass, name text, from_id uuid, to_id uuid) returns boolean language plpgsql security definer as $$
begin
  if parent not in ('jobs'::regclass, 'accepted'::regclass) or not starts_with(name, parent || '_') then
    raise exception '% is no name of a partition of %', quote_ident(name), parent using errcode = 'invalid_parameter_value';
  end if;
  perform taskflow_require_right(parent, 'insert');
  for look in 1..2 loop
    if exists (select from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = parent and relname = name) then
      return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('taskflow.partitions', 0));
  end loop;
  execute format('create table %I (like %s including all)', name, parent);
  execute format('alter table %s attach partition %I for values from (%L) to (%L)', parent, name, from_id, to_id);
  return true;
end $$;

create function taskflow_add_partition(name text, from_id uuid, to_id uuid) returns boolean language sql as $$
  select taskflow_add_partition('jobs'::regclass, name, from_id, to_id)
$$;

-- Raises what is wrong where the caller may not delete from a partition of `parent`, or it is none.
create function taskflow_require_partition(parent regclass, name text) returns void language plpgsql as $$
begin
  if not exists (select from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = parent and relname = name) then
    raise exception '% is no partition of %', quote_ident(name), parent using errcode = 'undefined_table';
  end if;
  perform taskflow_require_right(parent, 'delete');
end $$;

-- As in 0004.
create or replace function taskflow_drop_partition(name text, cutoff timestamptz) returns boolean language plpgsql security definer set lock_timeout = '100ms' as $$
declare
  is_fresh boolean;
  counterpart text := replace(name, 'jobs_', 'accepted_');
begin
  perform taskflow_require_partition('jobs'::regclass, name);
  execute format('select exists (select from %I where finished_at >= $1)', name) into is_fresh using cutoff;
  if is_fresh then
    return false;
  end if;
  -- An old job may have finished in the meantime: asked again while nobody can write.
  execute format('lock table %I in share mode', name);
  execute format('select exists (select from %I where finished_at >= $1)', name) into is_fresh using cutoff;
  if is_fresh then
    return false;
  end if;
  if exists (select from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = 'accepted'::regclass and relname = counterpart) then
    execute format('delete from %I where id in (select id from %I)', counterpart, name);
  end if;
  execute format('drop table %I', name);
  return true;
exception
  when lock_not_available or deadlock_detected then
    return null;
end $$;

-- As in 0005.
create or replace function taskflow_trim_accepted(name text, from_id uuid, to_id uuid) returns bigint language plpgsql security definer set lock_timeout = '100ms' as $$
declare
  held bigint;
  remaining bigint;
begin
  perform taskflow_require_partition('accepted'::regclass, name);
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

do $$
declare
  function regprocedure;
  owner regrole := (select relowner from pg_class where oid = 'jobs'::regclass);
begin
  for function in select oid from pg_proc where pronamespace = current_schema()::regnamespace and proname like 'taskflow\_%' loop
    execute format('alter function %s set search_path = %I, pg_temp', function, current_schema());
    if owner <> current_user::regrole then -- a superuser migrates: the functions get the rights of the owner, not of a superuser
      execute format('alter function %s owner to %s', function, owner);
    end if;
  end loop;
end $$;
