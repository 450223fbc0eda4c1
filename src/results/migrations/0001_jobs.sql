-- The terminal record of each job. Columns that are never null and of fixed width stand first: those a row is read by fastest.
-- The primary key is the only index: list filters walk it, and each further one would be paid for on every COPY.
create table jobs (
  id           uuid        not null primary key, -- UUIDv7: its order is the order of acceptance
  created_at   timestamptz not null,
  finished_at  timestamptz not null,
  priority     smallint    not null,
  attempt      smallint    not null,
  max_attempts smallint    not null,
  type         text        not null,
  status       text        not null, -- completed, failed or cancelled
  durability   text        not null, -- redis or postgres
  tags         text[]      not null,
  payload      json        not null, -- json, not jsonb: what a caller may send must be storable, and comes back as it came
  started_at   timestamptz,
  run_at       timestamptz,
  retry_of     uuid,
  worker       text,
  group_key    text,
  result       json,
  error        json,                 -- {code, message, attempt}
  attempts     json,                 -- the records of the attempts before the last, oldest first
  options      json                  -- what a submission said that has no column of its own
) partition by range (id);

-- Adds a partition for the ids from `from_id` to below `to_id`, unless it is there. Says whether it was missing.
-- Attaching a finished table locks `jobs` against nothing but other changes of its shape; `create table … partition of`
-- would wait for each running statement, and hold up all later ones meanwhile.
-- It asks the catalog, not to_regclass, whose cache does not see what another session made while this one waited.
create function taskflow_add_partition(name text, from_id uuid, to_id uuid) returns boolean language plpgsql as $$
begin
  for look in 1..2 loop
    if exists (select from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = 'jobs'::regclass and relname = name) then
      return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('taskflow.partitions', 0)); -- replicas that miss the same one at once
  end loop;
  execute format('create table %I (like jobs including all)', name);
  execute format('alter table jobs attach partition %I for values from (%L) to (%L)', name, from_id, to_id);
  return true;
end $$;

-- Drops a partition none of whose jobs finished at `cutoff` or later. Says whether it did. One that is in use just now stays.
create function taskflow_drop_partition(name text, cutoff timestamptz) returns boolean language plpgsql set lock_timeout = '2s' as $$
declare
  is_fresh boolean;
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
  execute format('drop table %I', name);
  return true;
exception
  when lock_not_available or deadlock_detected then
    return false;
end $$;
