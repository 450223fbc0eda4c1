-- Sorted by id: two recorders with the same rows in different orders would deadlock. The ids of one batch are distinct.
insert into jobs select * from staged_jobs order by id on conflict (id) do nothing returning id
