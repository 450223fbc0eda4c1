-- Locks the flows of these ids, $1, in their order
select id from flows where id = any ($1::uuid[]) order by id for update
