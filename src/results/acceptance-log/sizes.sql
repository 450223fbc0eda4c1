-- The bytes of the submissions of these jobs, also of jobs that are recorded. $1 ids · $2 the lowest of them · $3 the highest
select id, octet_length(submission) as bytes from accepted where id = any ($1::uuid[]) and id between $2::uuid and $3::uuid order by id
