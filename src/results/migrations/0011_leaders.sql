-- Which replica leads the restore where a pooler stands between, so that no lock outlasts a transaction.
create table leaders (
  namespace  text        not null primary key,
  holder     uuid        not null, -- of the replica, for as long as it runs
  expires_at timestamptz not null
);
