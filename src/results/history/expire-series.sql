-- Removes the hours and days before the UTC day of a time.
-- $1 epoch ms
delete from job_series_merged where step in ('hour', 'day') and at < date_trunc('day', to_timestamp($1::float8 / 1000), 'UTC')
