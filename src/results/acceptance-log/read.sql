-- The submissions among these ids that `jobs` does not have. $1 ids
select id, submission from accepted where id = any ($1::uuid[]) and not exists (select from jobs where jobs.id = accepted.id) order by id
