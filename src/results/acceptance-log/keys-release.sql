-- Keys of submissions that did not take place: $1 namespace, $2 keys
delete from accepted_keys where namespace = $1::text and key = any ($2::text[])
