-- $1 namespace, $2 generation
insert into accepted_epochs (namespace, epoch) values ($1::text, $2::text) on conflict (namespace) do update set epoch = excluded.epoch
