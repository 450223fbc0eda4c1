-- A search for a tag planned one statement for each daily partition, down to the oldest one: 0.3 ms each. Now, if the
-- sixty newest days do not have enough jobs of the tag, one statement over all days finds whether it is rare; then its
-- result is complete. The search for a common tag goes on day by day, because its index would give millions of ids of
-- later pages.
create or replace function taskflow_find_ids(filter text, wanted text[], below uuid, from_id uuid, settled uuid, newest text, oldest text, settled_name text, most integer)
returns setof uuid language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  partition regclass;
  remaining integer := most;
  found_here integer;
  upper_id uuid := least(below, settled);
  visited integer := 0;
  tagged uuid[];
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
    visited := visited + 1;
    if filter = 'tag' and visited = 60 then
      -- Without a condition on ids, so that only the index of tags can be used. Its plan is made once in a session.
      tagged := array(select id from jobs where tags && wanted and tags <> '{}' limit 1001);
      if cardinality(tagged) <= 1000 then
        -- these are all; the newest of them have been returned
        return query select one from unnest(tagged) as one where one < below and one >= from_id
          order by one desc offset most - remaining limit remaining;
        return;
      end if;
    end if;
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

-- Replacing the function has reset this.
do $$
begin
  execute format('alter function taskflow_find_ids set search_path = %I, pg_temp', current_schema());
end $$;
