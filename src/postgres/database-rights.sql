-- The grants that the current role lacks to run a replica, as GRANT has them; the rights that the owner of the tables
-- lacks to make the coming
-- days' partitions; and the tables whose rows a policy hides from this role.
with needed (relation, rights) as (values
  ('taskflow_migrations', 'select'), ('jobs', 'select, insert, update, delete'), ('accepted', 'select, insert, delete'), ('accepted_keys', 'select, insert, update, delete'),
  ('accepted_epochs', 'select, insert, update'), ('leaders', 'select, insert, update'), ('api_keys', 'select'), ('audit', 'select, insert, delete'),
  ('job_series', 'select, insert, update, delete'), ('job_series_merged', 'select, insert, update, delete'), ('error_groups', 'select, insert, update, delete'),
  ('replica_versions', 'select, insert, delete'), ('queue_samples', 'select, insert, delete'),
  ('schedules', 'select, insert, update, delete'), ('schedule_runs', 'select, insert, delete'),
  ('flows', 'select, insert, update, delete'), ('flow_additions', 'select, insert, delete')
), lacking as (
  select format('%s on %I', string_agg(needed_right, ', ' order by ordinality), relation) as lack
  from needed, string_to_table(rights, ', ') with ordinality as each (needed_right, ordinality)
  where not has_table_privilege(to_regclass(relation), needed_right)
  group by relation
), function as (
  select pg_proc.oid, proowner, prosecdef from pg_proc where oid = 'taskflow_add_partition(regclass, text, uuid, uuid)'::regprocedure
)
select
  (select array_agg(lack order by lack) from (
    select lack from lacking
    union all select format('temporary on database %I', current_database()) where not has_database_privilege(current_database(), 'temporary')
    union all select 'execute on all functions in schema ' || quote_ident(current_schema()) from function where not has_function_privilege(oid, 'execute')
  ) as lacks) as lacks,
  (select rolname from function join pg_roles on pg_roles.oid = proowner
   where not (has_schema_privilege(proowner, (select relnamespace from pg_class where oid = 'jobs'::regclass), 'create') and pg_has_role(proowner, (select relowner from pg_class where oid = 'jobs'::regclass), 'usage'))) as "weakOwner",
  (select string_agg(relation, ', ') from needed where row_security_active(to_regclass(relation)::oid)) as hidden
