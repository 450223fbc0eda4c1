-- Makes flows that have ended run again, one array for each column: $1 ids, $2 graphs, $3 nodes
update flows set status = 'running', ended_before = finished_at, finished_at = null, is_durable = true, is_cancel_requested = false,
  graph = retried.graph::json, nodes = retried.nodes::json
from unnest($1::uuid[], $2::text[], $3::text[]) as retried (id, graph, nodes)
where flows.id = retried.id and status <> 'running'
