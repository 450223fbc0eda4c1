-- In the order of ids: two recorders with the same rows in different orders would wait for each other.
insert into jobs select distinct on (id) * from staged_jobs order by id on conflict (id) do nothing
