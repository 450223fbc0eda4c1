delete from accepted_keys where expires_at <= now()
