-- Adds runs one after the other, until the end of the transaction: each may change the counts of many schedules.
select pg_advisory_xact_lock(hashtextextended('taskflow.schedule_runs', 0))
