select inhrelid::regclass::text as name from pg_inherits where inhparent = 'jobs'::regclass order by name
