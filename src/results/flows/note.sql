-- Notes of a flow that runs, $1, why it was closed, $2 (null for no change), and that it was cancelled, $3
update flows set closed_by = coalesce($2::text, closed_by), is_cancel_requested = is_cancel_requested or $3::boolean
where id = $1::uuid and status = 'running'
