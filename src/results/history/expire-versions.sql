-- Removes the versions before a time, but the one in force then.
-- $1 epoch ms
delete from replica_versions where id < (select max(id) from replica_versions where at <= to_timestamp($1::float8 / 1000))
