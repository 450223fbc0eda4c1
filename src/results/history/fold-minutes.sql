-- Removes the minutes before a time, and marks their hours, which replace them.
-- $1 epoch ms
with folded as (
  delete from job_series_merged
  where step = 'minute' and at < date_trunc('hour', to_timestamp($1::float8 / 1000), 'UTC')
  returning at, type
)
update job_series_merged as hours set is_folded = true
from (select distinct date_trunc('hour', at, 'UTC') as at, type from folded) as folded_hours
where hours.step = 'hour' and hours.at = folded_hours.at and hours.type = folded_hours.type and not hours.is_folded
