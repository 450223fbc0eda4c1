-- The submissions of finished jobs, for a retry of their flow: $1 ids · $2 the lowest of them, $3 the highest. Of a job whose payload had
-- references, the payload before they were resolved
select id, type, priority, group_key, max_attempts, tags, durability, error ->> 'code' as error_code, options, erased_at is not null as is_erased,
  coalesce(options ->> 'template', payload::text) as payload
from jobs where id = any ($1::uuid[]) and id between $2::uuid and $3::uuid
