-- Adds a sample of each queue that has waiting jobs, or had some in its latest sample: a queue that stays empty has none.
-- $1 epoch ms, a multiple of a minute, which gets no second sample · of each type: $2 its name, $3 its waiting jobs, $4 the wait of
-- the oldest in ms, or null, and $5 its running jobs
insert into queue_samples (at, type, depth, oldest_wait_ms, running)
select to_timestamp($1::float8 / 1000), type, depth, oldest_wait_ms, running
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) as queue (type, depth, oldest_wait_ms, running)
where depth > 0 or (
  select latest.depth > 0 from queue_samples as latest
  where latest.type = queue.type and latest.at < to_timestamp($1::float8 / 1000) order by latest.at desc limit 1
)
order by type
on conflict (type, at) do nothing
