#!/bin/sh
# Makes the secrets that docker-compose.yml and the small overlay of deploy/k8s read, each in a file of
# deploy/compose/secrets; what is there already is left alone. Once before the first start; needs a shell and coreutils.
# The folder is closed to everybody else. The files are not: containers read them as users that this machine does not know.
set -eu
folder=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
digest() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
# put NAME: standard input becomes that file, at once or not at all.
put() {
  cat > "$folder/$1.new"
  chmod 644 "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
}
has() { [ -s "$folder/$1" ]; }

for name in jwt_secret audit_key api_key grafana_password; do
  has "$name" || random | put "$name"
done

# Postgres, and those who connect to it.
has postgres_password || random | put postgres_password
# One role for all, until there are several: whoever migrates owns the tables, and everybody else need not.
for name in postgres_owner_url postgres_url; do
  has "$name" || printf 'postgres://rookery:%s@postgres:5432/rookery' "$(cat "$folder/postgres_password")" | put "$name"
done

# Redis knows a password by its digest alone. `health` may say no more than PING.
if ! has redis_users || ! has redis_url; then
  password=$(random)
  printf 'redis://rookery:%s@redis:6379' "$password" | put redis_url
  put redis_users << USERS
user default off
user health on nopass -@all +ping
user rookery on #$(digest "$password") ~* &* -@all +@read +@write +@pubsub +@connection +eval +evalsha +time +wait -@dangerous +info +cluster|slots +cluster|info
USERS
fi
