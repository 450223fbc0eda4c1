-- The values that most jobs have become defaults, so that the recorder need not send them (results/recorder/columns.ts). Replicas of
-- earlier versions send all columns. The partitions need no defaults: rows are inserted into `jobs`.
-- A change of the table waits for its readers, and queries queue behind the wait: it gives up soon, and is tried again.
set local lock_timeout = '100ms';

alter table only jobs
  alter column priority set default 5,
  alter column attempt set default 1,
  alter column max_attempts set default 3,
  alter column status set default 'completed',
  alter column durability set default 'redis',
  alter column tags set default '{}';
