-- Finds rare jobs without walking the history, and marks those whose contents were erased.
-- COPY of 1,000,000 plain completed rows takes 8 % longer with all five indexes (median of five). Ten btrees of one tag each instead
-- of the GIN index would give tags in the order of ids, but takes 20 % longer.
-- A change of the table waits for its readers, and queries queue behind the wait: it gives up soon, and is tried again.
set local lock_timeout = '100ms';

alter table jobs add column erased_at timestamptz;

-- Only partitions made from now on have these indexes. A replica builds those of the others while it serves
-- (results/partition-indexes.ts), since that may take minutes.
create index jobs_not_completed on only jobs (status, id) where status <> 'completed';
create index jobs_error_code on only jobs ((error ->> 'code'), id) where error is not null;
create index jobs_group_key on only jobs (group_key, id) where group_key is not null;
create index jobs_retry_of on only jobs (retry_of, id) where retry_of is not null;
create index jobs_tags on only jobs using gin (tags) where tags <> '{}';

-- The newest ids below one and from another on, at most this many, of one of the values of a filter with an index.
-- It asks recent partitions one after the other, by plans for their present size. The others hardly change: the session keeps
-- one plan for all of them, since the plan for 400 partitions takes 100 ms, and its run 4 ms.
create function taskflow_find_ids(filter text, wanted text[], below uuid, from_id uuid, settled uuid, newest text, oldest text, settled_name text, most integer)
returns setof uuid language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
  partition regclass;
  remaining integer := most;
  found_here integer;
  upper_id uuid := least(below, settled);
  condition text := case filter
    when 'retry_of' then 'retry_of = %s::uuid'
    when 'error_code' then 'error ->> ''code'' = %s'
    when 'status' then 'status = %s and status <> ''completed'''
    when 'group_key' then 'group_key = %s'
  end;
  source text := case
    -- The index of tags has no order: it gives all ids, and the fence keeps Postgres from walking the partition instead.
    when filter = 'tag' then 'select id from (select id from %s where tags && $1 and tags <> ''{}'' and id < $2 and id >= $3 offset 0) as tagged'
    when cardinality(wanted) = 1 then 'select id from %s where id < $2 and id >= $3 and ' || format(condition, '$1[1]')
    else 'select job.id from unnest($1) as one(value), lateral (select id from %s where id < $2 and id >= $3 and '
      || format(condition, 'one.value') || ' order by id desc limit $4) as job'
  end || ' order by id desc limit $4';
begin
  for partition in
    select inhrelid from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'jobs'::regclass and relname collate "C" <= newest
      and relname collate "C" >= case when filter = 'tag' then oldest else greatest(oldest, settled_name collate "C") end
    order by relname collate "C" desc
  loop
    begin
      return query execute format(source, partition) using wanted, below, from_id, remaining;
      get diagnostics found_here = row_count;
      remaining := remaining - found_here;
    exception
      when undefined_table then -- retention has dropped it in the meantime
        continue;
    end;
    exit when remaining <= 0;
  end loop;
  if remaining <= 0 or upper_id <= from_id then
    return;
  elsif filter = 'retry_of' then
    return query select job.id from unnest(wanted) as one(value), lateral (
      select id from jobs where retry_of = one.value::uuid and id < upper_id and id >= from_id order by id desc limit remaining
    ) as job order by job.id desc limit remaining;
  elsif filter = 'error_code' then
    return query select job.id from unnest(wanted) as one(value), lateral (
      select id from jobs where error ->> 'code' = one.value and id < upper_id and id >= from_id order by id desc limit remaining
    ) as job order by job.id desc limit remaining;
  elsif filter = 'status' then
    return query select job.id from unnest(wanted) as one(value), lateral (
      select id from jobs where status = one.value and status <> 'completed' and id < upper_id and id >= from_id order by id desc limit remaining
    ) as job order by job.id desc limit remaining;
  elsif filter = 'group_key' then
    return query select job.id from unnest(wanted) as one(value), lateral (
      select id from jobs where group_key = one.value and id < upper_id and id >= from_id order by id desc limit remaining
    ) as job order by job.id desc limit remaining;
  end if;
end $$;

do $$
declare
  owner regrole := (select relowner from pg_class where oid = 'jobs'::regclass);
begin
  execute format('alter function taskflow_find_ids set search_path = %I, pg_temp', current_schema());
  if owner <> current_user::regrole then
    execute format('alter function taskflow_find_ids owner to %s', owner);
  end if;
end $$;
