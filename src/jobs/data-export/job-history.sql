-- The job history: finished jobs, newest first. A filter that is null passes all jobs. The bounds of the ids are bounds
-- of time, because ids begin with the time.
select id, type, status, priority, durability, group_key, payload, result, error, attempt, max_attempts,
  to_json(tags) as tags, retry_of, worker, run_at, created_at, started_at, finished_at
from jobs
where id >= :from and id < :below
  and (:status::text is null or status = :status)
  and (:type::text is null or type = :type)
  and (:tag::text is null or :tag = any (tags))
  and (:group_key::text is null or group_key = :group_key)
  and (:error_code::text is null or error ->> 'code' = :error_code)
order by id desc
