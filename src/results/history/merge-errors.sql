-- Merges the error groups of all writers, in the hours that ended before a time: the oldest such hours, up to a day of them.
-- $1 epoch ms
with moved as (
  delete from error_groups
  where writer <> '' and hour < date_trunc('hour', to_timestamp($1::float8 / 1000), 'UTC')
    and hour < (select min(hour) + interval '1 day' from error_groups where writer <> '')
  returning *
), added as (
  insert into error_groups as stored (hour, type, code, signature, writer, count, first_seen, last_seen, examples)
    select hour, type, code, signature, '', sum(count), min(first_seen), max(last_seen), taskflow_first_examples(examples)
    from moved group by hour, type, code, signature
    order by hour, type, code, signature
  on conflict (hour, type, code, signature, writer) do update set
    count = stored.count + excluded.count, first_seen = least(stored.first_seen, excluded.first_seen),
    last_seen = greatest(stored.last_seen, excluded.last_seen), examples = taskflow_add_examples(stored.examples, excluded.examples)
)
select count(*)::integer as moved from moved
