-- The jobs that were added to batch $1, and are not in a graph that Postgres has
select first_id as first, count from flow_additions where flow = $1::uuid order by first_id
