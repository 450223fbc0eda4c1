-- Deletes up to $2 flows that ended before $1, epoch ms, and what a late write has left of their additions
with expired as (select id from flows where finished_at < to_timestamp($1::float8 / 1000) order by finished_at limit $2::int),
  additions as (delete from flow_additions using expired where flow = expired.id)
delete from flows using expired where flows.id = expired.id
