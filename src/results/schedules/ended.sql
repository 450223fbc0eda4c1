-- Notes that these schedules have no tick left, unless they have been changed since. $1 ids, $2 versions
update schedules set is_ended = true from unnest($1::uuid[], $2::integer[]) as ended (id, version)
where schedules.id = ended.id and schedules.version = ended.version and not is_ended
