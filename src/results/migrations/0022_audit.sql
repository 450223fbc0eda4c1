-- What people changed: pauses, bulk operations, erased jobs, API keys. `id` is a UUIDv7 of `at`; retention deletes by it.
create table audit (
  id         uuid        primary key,
  at         timestamptz not null,
  key_id     text,
  key_name   text,
  action     text        not null,
  target     text        not null,
  details    json,
  count      bigint,
  job_id     uuid,
  request_id text
);
create index audit_action on audit (action, id);
