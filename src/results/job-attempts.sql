-- $1 id
select record.value::text as record from jobs, json_array_elements(attempts) with ordinality as record where id = $1::uuid order by record.ordinality
