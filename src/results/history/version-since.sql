-- When the version that was started last first ran, epoch ms; no row if no other version is known, for which all errors would be new.
with latest as (select version from replica_versions order by id desc limit 1)
select (extract(epoch from min(at)) * 1000)::float8 as since from replica_versions
where version = (select version from latest)
having exists (select from replica_versions where version <> (select version from latest))
