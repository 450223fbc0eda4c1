-- Removes the samples of queues before a time.
-- $1 epoch ms
delete from queue_samples where at < to_timestamp($1::float8 / 1000)
