-- Writes flows that have ended, one array for each column, but not an end after which it was retried. Sorted by id: two replicas that write the
-- same flows in different orders would deadlock.
-- $1 namespace, $2 ids, $3 ends, epoch ms, $4 whether they are durable, $5 whether somebody cancelled them, $6 kinds, $7 statuses, $8 names,
-- $9 why they were closed, $10 graphs, $11 nodes
with saved as (
  insert into flows as stored (id, finished_at, is_durable, is_cancel_requested, namespace, kind, status, name, closed_by, graph, nodes)
  select id, to_timestamp(ended / 1000), is_durable, is_cancel_requested, $1::text, kind, status, name, closed_by, graph::json, nodes::json
  from unnest($2::uuid[], $3::float8[], $4::boolean[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
    as flow (id, ended, is_durable, is_cancel_requested, kind, status, name, closed_by, graph, nodes)
  order by id
  on conflict (id) do update set finished_at = excluded.finished_at, is_cancel_requested = excluded.is_cancel_requested,
    status = excluded.status, closed_by = excluded.closed_by, graph = excluded.graph, nodes = excluded.nodes
    where excluded.finished_at is distinct from stored.ended_before
  returning id
)
delete from flow_additions using saved where flow = saved.id -- the graph has them now
