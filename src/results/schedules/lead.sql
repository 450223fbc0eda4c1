-- Whether this transaction is the only one, until its end, that brings Redis and Postgres together.
select pg_try_advisory_xact_lock(hashtextextended('taskflow.schedules', 0)) as leads
