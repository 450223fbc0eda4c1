-- The flows of these ids: $1
select id, graph::text as graph, nodes::text as nodes, status, closed_by, is_cancel_requested,
  (extract(epoch from finished_at) * 1000)::float8 as finished_at,
  case when status = 'running' then (select array_agg(first_id::text || ' ' || count order by first_id) from flow_additions where flow = flows.id) end as additions
from flows where id = any ($1::uuid[])
