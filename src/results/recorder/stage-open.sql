-- The recorder copies a batch here first if `jobs` may have some of its rows already.
create temp table staged_jobs on commit drop as select * from jobs with no data
