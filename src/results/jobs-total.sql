-- The rows of all partitions, and since when the table is there.
select (select count(*) from jobs)::float8 as rows, (extract(epoch from min(applied_at)) * 1000)::float8 as since from taskflow_migrations
