-- $1 id, $2 the submission, $3 its revision. The first line of a stored submission contains its revision in its options,
-- unless that is 0; inside a text of the options, quotes are escaped.
update accepted set submission = $2::text
where id = $1::uuid
  and coalesce(substring(split_part(submission, E'\n', 1) from '"revision":([0-9]+)')::bigint, 0) < $3::bigint
