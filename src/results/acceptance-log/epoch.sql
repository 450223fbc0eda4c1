-- $1 namespace
select epoch from accepted_epochs where namespace = $1::text
