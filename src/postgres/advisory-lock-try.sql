-- $1 name. Held until the transaction ends.
select pg_try_advisory_xact_lock(hashtextextended('taskflow.' || $1::text, 0)) as locked
