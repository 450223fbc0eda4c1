-- A batch that may hold rows which `jobs` has already is copied here first.
create temp table staged_jobs on commit drop as select * from jobs with no data
