-- Which of these schedules Redis has otherwise than Postgres: another id of the name, or a higher version than its row. It happens when
-- the database was restored from a backup. One array for each column: $1 names, $2 ids, $3 versions
select copy.name, copy.id, schedules.id is not null as has_row
from unnest($1::text[], $2::uuid[], $3::integer[]) as copy (name, id, version)
left join schedules on schedules.name = copy.name and schedules.id = copy.id
where schedules.id is null or schedules.version < copy.version
