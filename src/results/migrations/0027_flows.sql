-- Flows, batches, and jobs with `then`: each has a row when it has ended, and from its submission on if it is durable.
create table flows (
  id                  uuid        not null primary key, -- the first of the ids of its submission
  finished_at         timestamptz,                      -- null while it runs
  ended_before        timestamptz,                      -- its end before the last retry, if it is durable: a late write of that end changes nothing
  is_durable          boolean     not null,             -- submitted with durability postgres
  is_cancel_requested boolean     not null,
  namespace           text        not null,             -- of the queue, as in `accepted`
  kind                text        not null,             -- flow, batch or then
  status              text        not null,             -- running, completed, failed or cancelled
  name                text,
  closed_by           text,
  graph               json        not null,             -- what does not change while it runs
  nodes               json                              -- the state of each node: null for one that was never retried, and runs
);
-- A page of the list reads each of these orders for each kind and status that it asks for.
create index flows_by_status on flows (kind, status, id);
create index flows_by_name on flows (name, kind, status, id) where name is not null;
create index flows_running on flows (namespace, id) where status = 'running' and is_durable; -- for the restore
create index flows_finished_at on flows (finished_at); -- for the retention

-- The jobs that were added to an open durable batch: its graph has them only when it has ended.
create table flow_additions (
  flow     uuid    not null,
  first_id uuid    not null,
  count    integer not null,
  primary key (flow, first_id)
);
