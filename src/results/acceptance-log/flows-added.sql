-- Adds jobs to batches: $1 batches, $2 first ids, $3 how many
insert into flow_additions (flow, first_id, count)
select flow, first_id, count from unnest($1::uuid[], $2::uuid[], $3::integer[]) as added (flow, first_id, count)
order by flow, first_id
on conflict (flow, first_id) do nothing
