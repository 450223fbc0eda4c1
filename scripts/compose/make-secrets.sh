#!/bin/sh
# Creates the passwords of an installation at its first start, and writes each to the folder of the one container that
# needs it. Keeps existing passwords.
#   redis/password  redis/redis.conf
#   postgres/postgres-password  postgres/taskflow-password  postgres/export-password
#   taskflow/redis-addr  taskflow/database-url  taskflow/export-database-url
# POSTGRES_PASSWORD is the password of the role taskflow if an existing database already has one.
set -eu
umask 077
root=${SECRETS:-/secrets}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# put FILE TEXT OWNER: writes the file atomically. Its owner can read it, and so can later runs of this script, as the
# group root and without a capability.
put() {
  rm -f "$root/$1.new"
  printf '%s\n' "$2" >"$root/$1.new"
  chmod 440 "$root/$1.new"
  if [ "$(id -u)" = 0 ]; then chown "$3:0" "$root/$1.new"; fi
  mv -f "$root/$1.new" "$root/$1"
}

# keep FILE TEXT OWNER: writes the file unless it exists
keep() { if [ ! -s "$root/$1" ]; then put "$1" "$2" "$3"; fi; }

case ${POSTGRES_PASSWORD:-} in *[!A-Za-z0-9._~-]*)
  echo "POSTGRES_PASSWORD: only letters, digits and . _ ~ - are allowed, because the password becomes part of a URL." >&2
  exit 1 ;;
esac
mkdir -p "$root/redis" "$root/postgres" "$root/taskflow"
chmod 755 "$root/redis" "$root/postgres" "$root/taskflow"

# the users of the images: redis 999, postgres 70, node 1000
keep redis/password "$(random)" 999
keep postgres/postgres-password "$(random)" 70
keep postgres/taskflow-password "${POSTGRES_PASSWORD:-$(random)}" 70
keep postgres/export-password "$(random)" 70

put redis/redis.conf "requirepass $(cat "$root/redis/password")" 999
put taskflow/redis-addr "redis://:$(cat "$root/redis/password")@redis:6379" 1000
put taskflow/database-url "postgres://taskflow:$(cat "$root/postgres/taskflow-password")@postgres:5432/taskflow" 1000
put taskflow/export-database-url "postgres://taskflow_export:$(cat "$root/postgres/export-password")@postgres:5432/taskflow" 1000
