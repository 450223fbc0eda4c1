-- Removes the error groups of the hours that ended before a time.
-- $1 epoch ms
delete from error_groups where hour < date_trunc('hour', to_timestamp($1::float8 / 1000), 'UTC')
