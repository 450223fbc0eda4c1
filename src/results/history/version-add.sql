select taskflow_record_version($1)
