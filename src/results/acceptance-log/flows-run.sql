-- Which of these flows, $1, run with the graphs $2: this retry, or the same one before, made them run
select flows.id, flows.graph::text as graph from unnest($1::uuid[], $2::text[]) as retried (id, graph) join flows on flows.id = retried.id
where status = 'running' and flows.graph::text = retried.graph
