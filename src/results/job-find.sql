-- $1 filter · $2 its values · $3 ids below this one · $4 ids from this one on · $5 the lowest id of recent days · $6 the
-- newest partition · $7 the oldest · $8 the oldest of recent days · $9 how many ids at most
select id from taskflow_find_ids($1, $2::text[], $3::uuid, $4::uuid, $5::uuid, $6, $7, $8, $9::int) as id
