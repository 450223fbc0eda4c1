-- $1 name. Held until the connection ends.
select pg_try_advisory_lock(hashtextextended('taskflow.' || $1::text, 0)) as locked
