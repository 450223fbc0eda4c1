-- Schedules and their history. Redis has working copies of the definitions, by which ticks are decided, also while
-- Postgres is away.
create table schedules (
  id              uuid        not null,
  effective_from  timestamptz not null, -- ticks after it count
  failures_from   timestamptz not null, -- failures of runs decided after it count for pause_after_failures
  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  paused_at       timestamptz,
  paused_until    timestamptz,
  revision        bigint      not null, -- rises with each change of the row
  applied         bigint      not null default 0, -- the revision that Redis has
  fired           bigint      not null default 0, -- its runs by outcome, also those past the retention
  late            bigint      not null default 0,
  skipped         bigint      not null default 0,
  missed          bigint      not null default 0,
  version         integer     not null, -- of the definition
  is_removed      boolean     not null default false, -- the row stays until Redis knows, and as long as there is a file
  is_ended        boolean     not null default false, -- as of the latest tick that Postgres knows
  name            text        collate "C" primary key,
  job_type        text        not null, -- of the definition
  tags            text[]      not null, -- of the definition's job
  pause_reason    text,
  paused_by       text,
  resume_catch_up text, -- a policy: which ticks of the pause that ended are made up
  api_key         text, -- the id of the key that pays for the jobs
  definition      json        not null,
  file_definition json -- the one in its file in SCHEDULES_DIR
) with (fillfactor = 80);
create unique index schedules_id on schedules (id);
create index schedules_unapplied on schedules (name) where applied <> revision;
create index schedules_of_files on schedules (name) where file_definition is not null;
create index schedules_type on schedules (job_type, name);
create index schedules_tags on schedules using gin (tags);

-- What was decided about ticks, and runs that are no ticks.
create table schedule_runs (
  schedule uuid        not null, -- its id
  tick     timestamptz not null,
  at       timestamptz not null, -- when it was decided
  job_id   uuid,
  ticks    bigint      not null, -- more than 1 for a row of missed ticks, of which `tick` is the last
  version  integer     not null,
  kind     text        not null,
  outcome  text        not null,
  reason   text
);
create unique index schedule_runs_key on schedule_runs (schedule, tick, kind, job_id) nulls not distinct;
create index schedule_runs_at on schedule_runs (at); -- for the retention
