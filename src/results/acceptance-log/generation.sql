-- $1 namespace. The generation of the Redis data set whose jobs are complete.
select epoch as generation from accepted_epochs where namespace = $1::text
