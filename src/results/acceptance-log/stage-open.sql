-- The writer copies a batch here first if `accepted` may have some of its rows already.
create temp table staged_accepted on commit drop as select * from accepted with no data
