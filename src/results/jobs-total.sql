-- The number of rows of all partitions, and the time at which the table was created.
select (select count(*) from jobs)::float8 as rows, (extract(epoch from min(applied_at)) * 1000)::float8 as since from taskflow_migrations
