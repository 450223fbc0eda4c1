#!/bin/sh
# The Postgres image runs this script once, after it has created the database: it creates TaskFlow's roles.
set -eu
psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v taskflow_password="$(cat /run/secrets/taskflow-password)" -v export_password="$(cat /run/secrets/export-password)" \
  -f /deploy/postgres-roles.sql
