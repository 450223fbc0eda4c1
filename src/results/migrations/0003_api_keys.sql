-- Keys of the API that `taskflow keys` made. Of a key only its SHA-256 is kept. One that was revoked stays, so that the
-- installation remains one with keys.
create table api_keys (
  id         text primary key,
  name       text not null,
  hash       text not null unique,
  scopes     text not null,
  rate       text,
  quota      text,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create unique index api_keys_name on api_keys (name) where revoked_at is null;
