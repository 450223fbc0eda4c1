-- In the order of ids: two acceptors with the same rows in different orders would wait for each other.
insert into accepted select distinct on (id) * from staged_accepted order by id on conflict (id) do nothing
