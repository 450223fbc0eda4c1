-- The versions that began to run in a range, the newest ones, and the one in force at its start; the oldest first.
-- $1 from and $2 to, epoch ms · $3 how many at most
with found as (
  (select id, at, version from replica_versions where at <= to_timestamp($1::float8 / 1000) order by id desc limit 1)
  union
  (select id, at, version from replica_versions
   where at > to_timestamp($1::float8 / 1000) and at < to_timestamp($2::float8 / 1000) order by id desc limit $3)
)
select (extract(epoch from at) * 1000)::float8 as at, version from found order by id
