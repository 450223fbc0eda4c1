-- Sorted by id: two recorders with the same rows in different orders would deadlock.
insert into jobs select distinct on (id) * from staged_jobs order by id on conflict (id) do nothing
