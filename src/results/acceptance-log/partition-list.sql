select inhrelid::regclass::text as name from pg_inherits where inhparent = 'accepted'::regclass order by name
