-- Whether there are schedules, and whether Redis does not have some of their changes.
select exists (select from schedules) as has_schedules, exists (select from schedules where applied <> revision) as has_unapplied
