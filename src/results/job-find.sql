-- $1 filter · $2 its values · $3 ids below this one · $4 ids from this one on · $5 the newest partition · $6 the oldest ·
-- $7 how many ids at most
select id from taskflow_find_ids($1, $2::text[], $3::uuid, $4::uuid, $5, $6, $7::int) as id
