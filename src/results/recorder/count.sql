select taskflow_count_jobs($1, $2, $3)
