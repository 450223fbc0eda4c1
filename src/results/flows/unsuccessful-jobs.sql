-- As jobs.sql, for statuses other than completed: by their index
select id from unnest($1::uuid[], $2::uuid[]) as ids (first, last), unnest($5::text[]) as wanted (status), lateral (
  select id from jobs
  where id between ids.first and ids.last and id between $3::uuid and $4::uuid and ($7::uuid is null or id > $7::uuid)
    and jobs.status = wanted.status and jobs.status <> 'completed'
  order by id limit $6::int
) as job
order by id limit $6::int
