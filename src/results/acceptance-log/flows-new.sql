-- Adds durable flows that run, one array for each column; one that is stored already stays as it is.
-- $1 namespace, $2 ids, $3 kinds, $4 names, $5 graphs
insert into flows (id, is_durable, is_cancel_requested, namespace, kind, status, name, graph)
select id, true, false, $1::text, kind, 'running', name, graph::json
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as flow (id, kind, name, graph)
order by id
on conflict (id) do nothing
