-- Notes that these schedules have no tick left. $1 ids
update schedules set is_ended = true where id = any ($1::uuid[]) and not is_ended
