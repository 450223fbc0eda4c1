-- The indexes of `jobs` that its partitions lack, the newest partition first. `existing`: whether an index of this name
-- is there, and valid. `isBuilding`: a session builds it now. `owner`: set if the current role may not build it.
select missing.name, missing.existing, missing.build, missing."isBuilding",
  format('drop index concurrently if exists %I.%I', missing.schema, missing.name) as drop,
  format('alter index %s attach partition %I.%I', missing.parent, missing.schema, missing.name) as attach,
  case when not pg_has_role(missing.relowner, 'usage') then missing.relowner::regrole::text end as owner, current_user::text as role
from (
  select own.name, part.relname, nspname as schema, part.relowner, parent_index.indexrelid::regclass as parent,
    case when own_index.indexrelid is null then 'none' when own_index.indisvalid then 'valid' else 'invalid' end as existing,
    exists (select from pg_stat_progress_create_index where index_relid = own_index.indexrelid) as "isBuilding",
    format('create index concurrently if not exists %I on %s using ', own.name, part.oid::regclass)
      || regexp_replace(pg_get_indexdef(parent_index.indexrelid), '^.*? USING ', '') as build
  from pg_index as parent_index
  join pg_inherits on inhparent = 'jobs'::regclass
  join pg_class as part on part.oid = inhrelid
  join pg_namespace on pg_namespace.oid = part.relnamespace
  cross join lateral (select part.relname || replace((select relname from pg_class where oid = parent_index.indexrelid), 'jobs_', '_') as name) as own
  left join pg_class as own_class on own_class.relname = own.name and own_class.relnamespace = part.relnamespace
  left join pg_index as own_index on own_index.indexrelid = own_class.oid
  where parent_index.indrelid = 'jobs'::regclass and not parent_index.indisprimary and not exists (
    select from pg_inherits as attached join pg_index as child on child.indexrelid = attached.inhrelid
    where attached.inhparent = parent_index.indexrelid and child.indrelid = part.oid
  )
) as missing
order by missing.relname desc, missing.name
