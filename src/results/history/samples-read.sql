-- The samples of a queue in steps: the maximum of each. The zero that ends a step of several minutes becomes that of the
-- next one, unless that has samples itself: so no step without samples follows one that ends with waiting jobs.
-- $1 type · $2 from and $3 to, epoch ms, both multiples of the step · $4 the step, ms
with steps as (
  select floor(extract(epoch from at) * 1000 / $4::float8) as step, max(depth) as depth, max(oldest_wait_ms) as oldest_wait_ms,
    max(running) as running, (array_agg(depth order by at desc))[1] as last_depth, (array_agg(running order by at desc))[1] as last_running
  from queue_samples
  where type = $1 and at >= to_timestamp($2::float8 / 1000) and at < to_timestamp($3::float8 / 1000)
  group by 1
), samples as (
  select step, depth, oldest_wait_ms, running from steps
  union all
  select step + 1, 0, null, last_running from steps
  where depth > 0 and last_depth = 0 and (step + 1) * $4 < $3 and step + 1 not in (select step from steps)
)
select (step * $4)::float8 as at, depth::float8 as depth, oldest_wait_ms::float8 as oldest_wait_ms, running::float8 as running
from samples order by step
