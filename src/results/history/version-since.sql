-- When the version that was started last first ran, epoch ms; no row if none is known.
select (extract(epoch from min(at)) * 1000)::float8 as since from replica_versions
where version = (select version from replica_versions order by id desc limit 1)
having min(at) is not null
