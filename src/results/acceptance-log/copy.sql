copy accepted (id, namespace, submission) from stdin (format binary)
