-- Submissions that are committed before Redis gets them (`durability: postgres`): what a Redis that lost jobs is filled from again.
create table accepted (
  id         uuid not null primary key, -- the job's; rows arrive nearly in its order
  namespace  text not null,             -- the queue that the job belongs to: installations may share a database
  submission text not null              -- as Redis keeps it (core/wire.ts)
) partition by range (id);

-- What an Idempotency-Key of such a submission stands for. Decided here and not in Redis, which may forget it.
create table accepted_keys (
  namespace   text        not null,
  key         text        not null,
  fingerprint text        not null, -- of the body
  first_id    uuid        not null, -- of the job, or of the first of a batch
  expires_at  timestamptz not null,
  primary key (namespace, key)
);

-- The mark that each Redis bears: one without it, or with another, has lost what it held.
create table accepted_epochs (
  namespace text not null primary key,
  epoch     text not null
);

-- Adds a partition to `parent`; otherwise as the function of 0001, which now does the same through this one.
create function taskflow_add_partition(parent regclass, name text, from_id uuid, to_id uuid) returns boolean language plpgsql as $$
begin
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

create or replace function taskflow_add_partition(name text, from_id uuid, to_id uuid) returns boolean language sql as $$
  select taskflow_add_partition('jobs'::regclass, name, from_id, to_id)
$$;

-- Leaves in a partition of `accepted` only the jobs that `jobs` does not hold, and drops it when there are none. Says how
-- many it left; null where it was in use. It is rewritten only where that halves it. The bounds keep the look at `jobs` to one day.
create function taskflow_trim_accepted(name text, from_id uuid, to_id uuid) returns bigint language plpgsql set lock_timeout = '500ms' as $$
declare
  held bigint;
  remaining bigint;
begin
  execute format('lock table %I in access exclusive mode', name);
  execute format('select count(*) from %I', name) into held;
  execute format('create temp table remaining_accepted on commit drop as select * from %I as a
    where not exists (select from jobs where jobs.id = a.id and jobs.id >= %L and jobs.id < %L)', name, from_id, to_id);
  select count(*) from remaining_accepted into remaining;
  if remaining = 0 then
    execute format('drop table %I', name);
  elsif remaining * 2 <= held then
    execute format('truncate %I', name);
    execute format('insert into %I select * from remaining_accepted', name);
  end if;
  return remaining;
exception
  when lock_not_available or deadlock_detected then
    return null;
end $$;

-- As in 0001; and what it drops from `jobs` it first takes from `accepted`, where it would look like jobs that never ended.
create or replace function taskflow_drop_partition(name text, cutoff timestamptz) returns boolean language plpgsql set lock_timeout = '2s' as $$
declare
  is_fresh boolean;
  counterpart text := replace(name, 'jobs_', 'accepted_');
begin
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
    return false;
end $$;
