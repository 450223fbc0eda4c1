#!/bin/sh
# Run once by the image of Postgres, when it has made the database: gives TaskFlow its roles.
set -eu
psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v taskflow_password="$(cat /run/secrets/taskflow-password)" -v export_password="$(cat /run/secrets/export-password)" \
  -f /deploy/postgres-roles.sql
