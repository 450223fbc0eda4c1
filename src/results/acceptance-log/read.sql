-- $1 ids; those among them that `jobs` does not hold
select id, submission from accepted where id = any ($1::uuid[]) and not exists (select from jobs where jobs.id = accepted.id) order by id
