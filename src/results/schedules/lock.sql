-- Lets one change of a schedule at a time begin, until the end of the transaction, whether it has a row or not. $1 name
select pg_advisory_xact_lock(hashtextextended('taskflow.schedule.' || $1::text, 0))
