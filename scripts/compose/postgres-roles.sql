-- The role taskflow owns the database and creates its tables. The role taskflow_export runs the named queries of
-- data_export and can only read the tables. A second run changes only the passwords.
do $$
begin
  if not exists (select from pg_roles where rolname = 'taskflow') then create role taskflow login; end if;
  if not exists (select from pg_roles where rolname = 'taskflow_export') then
    create role taskflow_export login connection limit 20;
  end if;
end
$$;
alter role taskflow password :'taskflow_password';
alter role taskflow_export password :'export_password';
alter role taskflow_export set default_transaction_read_only = on;
alter database taskflow owner to taskflow;
revoke all on database taskflow from public;
grant connect on database taskflow to taskflow_export;
grant select on all tables in schema public to taskflow_export;
alter default privileges for role taskflow in schema public grant select on tables to taskflow_export;
