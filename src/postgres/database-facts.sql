-- The facts that a replica checks before it uses a database.
select current_setting('server_version_num')::int as version, current_setting('server_version') as "versionText", current_setting('server_encoding') as encoding,
  current_user as role, current_database() as database, pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly",
  current_schema() as schema, current_setting('search_path') as "searchPath", to_regclass('taskflow_migrations') is not null as "isMigrated",
  coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate",
  (select string_agg(quote_ident(nspname), ', ') from pg_namespace join pg_class on relnamespace = pg_namespace.oid where relname = 'taskflow_migrations' and relkind = 'r') as elsewhere
