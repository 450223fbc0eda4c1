-- What tells this database from those of other installations. Redis keeps it beside the jobs, so that two installations on one namespace are noticed.
-- A database that was restored keeps its id. A copy for another installation is given another one by hand.
create table installation (
  is_only boolean primary key default true check (is_only),
  id      uuid not null default gen_random_uuid()
);
insert into installation default values;
