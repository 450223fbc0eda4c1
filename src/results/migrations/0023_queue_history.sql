-- The time spent by jobs, beside their counts; the versions of the replicas; the depth of the queues over time.
-- A change of a table waits for its readers, and queries queue behind the wait: it gives up soon, and is tried again.
set local lock_timeout = '100ms';

-- The sum of the durations of the last attempts. It is 0 for jobs that were counted before.
alter table job_series add column run_total_ms bigint not null default 0;
alter table job_series_merged add column run_total_ms bigint not null default 0;

-- As in 0021_history.sql, with the run times. A replica of an earlier version sends none during a rolling upgrade.
create or replace function taskflow_count_jobs(by_writer text, series json, errors json) returns void language plpgsql as $$
begin
  insert into job_series as stored (minute, type, writer, completed, failed, cancelled, retries, run_total_ms, pickup, run)
    select to_timestamp(minute * 60), type, by_writer, completed, failed, cancelled, retries, coalesce(run_total_ms, 0), pickup, run
    from json_to_recordset(series) as batch (minute bigint, type text, completed integer, failed integer, cancelled integer,
      retries integer, run_total_ms bigint, pickup integer[], run integer[])
    order by minute, type
  on conflict (minute, type, writer) do update set
    completed = stored.completed + excluded.completed, failed = stored.failed + excluded.failed,
    cancelled = stored.cancelled + excluded.cancelled, retries = stored.retries + excluded.retries,
    run_total_ms = stored.run_total_ms + excluded.run_total_ms,
    pickup = taskflow_add_histogram(stored.pickup, excluded.pickup), run = taskflow_add_histogram(stored.run, excluded.run);
  if errors is null then
    return;
  end if;
  insert into error_groups as stored (hour, type, code, signature, writer, count, first_seen, last_seen, examples)
    select to_timestamp(hour * 3600), type, code, signature, by_writer, count, to_timestamp(first_seen / 1000), to_timestamp(last_seen / 1000), examples
    from json_to_recordset(errors) as batch (hour bigint, type text, code text, signature text, count integer,
      first_seen float8, last_seen float8, examples uuid[])
    order by hour, type, code, signature
  on conflict (hour, type, code, signature, writer) do update set
    count = stored.count + excluded.count, first_seen = least(stored.first_seen, excluded.first_seen),
    last_seen = greatest(stored.last_seen, excluded.last_seen), examples = taskflow_add_examples(stored.examples, excluded.examples);
end $$;

-- The versions of the replicas that started, each once until another one starts.
create table replica_versions (
  id      integer     primary key, -- in the order of their starts, whatever the clock does
  at      timestamptz not null,
  version text        not null
);

-- Records the version of a starting replica unless it is the latest one. Replicas that start at once wait for each
-- other, and each statement here sees what the one before recorded.
create function taskflow_record_version(started text) returns void language plpgsql as $$
declare
  latest replica_versions;
begin
  perform pg_advisory_xact_lock(hashtextextended('taskflow.versions', 0));
  select * into latest from replica_versions order by id desc limit 1;
  if latest.version is distinct from started then
    insert into replica_versions (id, at, version) values (coalesce(latest.id, 0) + 1, clock_timestamp(), started);
  end if;
end $$;

-- The queue of a type at the start of a minute, while jobs wait, and once when none waits any more.
create table queue_samples (
  at             timestamptz not null,
  depth          bigint      not null,
  running        bigint      not null,
  oldest_wait_ms bigint,
  type           text        not null,
  primary key (type, at)
);
create index queue_samples_at on queue_samples (at); -- for the retention
