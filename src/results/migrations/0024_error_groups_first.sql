-- Finds when an error was first seen, however long ago.
-- A change of a table waits for its writers, and they queue behind the wait: it gives up soon, and is tried again.
set local lock_timeout = '100ms';

create index error_groups_first on error_groups (type, code, signature, hour);
