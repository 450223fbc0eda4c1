-- $1 the lowest id to keep
delete from audit where id < $1::uuid
