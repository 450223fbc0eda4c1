-- $1 namespace. Held until the connection ends.
select pg_try_advisory_lock(hashtextextended('taskflow.restore ' || $1::text, 0)) as leads
