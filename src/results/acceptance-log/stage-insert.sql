-- Sorted by id: two writers with the same rows in different orders would deadlock.
insert into accepted select distinct on (id) * from staged_accepted order by id on conflict (id) do nothing
