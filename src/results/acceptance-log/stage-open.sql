-- A batch that may hold rows which `accepted` has already is copied here first.
create temp table staged_accepted on commit drop as select * from accepted with no data
