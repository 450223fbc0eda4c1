-- What finished, by minute and type, and the failures, by hour and signature. The recorder adds to both in the transaction that writes the
-- rows of `jobs`, so the sums are those of the rows.

-- A histogram has one count for each bucket of core/histogram.ts, up to its highest bucket that is not 0.
create function taskflow_add_histogram(a integer[], b integer[]) returns integer[] language sql immutable parallel safe as $$
  select coalesce(array_agg(least(coalesce(x, 0)::bigint + coalesce(y, 0), 2147483647)::integer order by bucket), '{}')
  from unnest(a, b) with ordinality as pairs (x, y, bucket)
$$;
create aggregate taskflow_sum_histograms(integer[]) (sfunc = taskflow_add_histogram, stype = integer[], initcond = '{}');

create function taskflow_add_examples(a uuid[], b uuid[]) returns uuid[] language sql immutable parallel safe as $$
  select (a || b)[1:3]
$$;
create aggregate taskflow_first_examples(uuid[]) (sfunc = taskflow_add_examples, stype = uuid[], initcond = '{}');

-- The counts of recent minutes. Each recorder adds to rows that no other one changes, so recorders do not wait for each other.
create table job_series (
  minute    timestamptz not null, -- the minute of finished_at
  completed bigint      not null,
  failed    bigint      not null,
  cancelled bigint      not null,
  retries   bigint      not null,
  type      text        not null,
  writer    text        not null, -- the recorder's replica
  pickup    integer[]   not null,
  run       integer[]   not null,
  primary key (minute, type, writer)
) with (fillfactor = 50); -- space for the versions of a row that a minute of batches makes

-- The counts of finished minutes, moved here from job_series: each once by minute, once by hour and once by day.
create table job_series_merged (
  at        timestamptz not null,
  completed bigint      not null,
  failed    bigint      not null,
  cancelled bigint      not null,
  retries   bigint      not null,
  step      text        not null, -- minute, hour or day (of UTC)
  type      text        not null,
  pickup    integer[]   not null,
  run       integer[]   not null,
  is_folded boolean     not null default false, -- of an hour: its minutes have been removed
  primary key (step, at, type)
);

create table error_groups (
  hour       timestamptz not null, -- the hour of finished_at
  first_seen timestamptz not null,
  last_seen  timestamptz not null,
  count      bigint      not null,
  type       text        not null,
  code       text        not null,
  signature  text        not null, -- the message without what differs between jobs (core/error-signature.ts)
  writer     text        not null, -- the recorder's replica; empty once merged
  examples   uuid[]      not null, -- up to three jobs
  primary key (hour, type, code, signature, writer)
);

-- Adds the counts of a batch. The recorder sends one statement with all of them, in the message that has the rows.
create function taskflow_count_jobs(by_writer text, series json, errors json) returns void language plpgsql as $$
begin
  insert into job_series as stored (minute, type, writer, completed, failed, cancelled, retries, pickup, run)
    select to_timestamp(minute * 60), type, by_writer, completed, failed, cancelled, retries, pickup, run
    from json_to_recordset(series) as batch (minute bigint, type text, completed integer, failed integer, cancelled integer,
      retries integer, pickup integer[], run integer[])
    order by minute, type
  on conflict (minute, type, writer) do update set
    completed = stored.completed + excluded.completed, failed = stored.failed + excluded.failed,
    cancelled = stored.cancelled + excluded.cancelled, retries = stored.retries + excluded.retries,
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
