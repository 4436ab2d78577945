#!/bin/sh
# Makes the secrets that docker-compose.yml and the small overlay of deploy/k8s read, each in a file of
# deploy/compose/secrets; a password or a key that is there already stays. Before the first start, and again with a new
# release: what follows from them, the users of Redis and the roles of Postgres, is made anew. Needs a shell, sed and coreutils.
# The folder is closed to everybody else. The files are not: containers read them as users that this machine does not know.
set -eu
for tool in cat chmod cut mkdir mv od rmdir sed sha256sum tr; do
  command -v "$tool" > /dev/null || { echo "secrets.sh: $tool is not on PATH; it comes with coreutils (sed by itself)" >&2; exit 1; }
done
here=$(dirname "$0")
folder=${1:-$here/secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"
# Two at once would each make a password of their own, and what follows from them would be of both.
lock=$folder.lock
mkdir "$lock" 2> /dev/null || {
  echo "secrets.sh: another one is at work in $folder; if none is, remove $lock" >&2
  exit 1
}
trap 'rmdir "$lock"' EXIT
trap 'exit 1' HUP INT TERM

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
digest() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
# put NAME: standard input becomes that file, at once or not at all.
put() {
  cat > "$folder/$1.new"
  chmod 644 "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
}
has() { [ -s "$folder/$1" ]; }
# password_in NAME: of the address in that file.
password_in() {
  url=$(cat "$folder/$1")
  url=${url#*://*:}
  printf %s "${url%%@*}"
}
# joined FILE: without comments, lines that are indented behind the one before.
joined() {
  line=
  while IFS= read -r next; do
    case $next in
      '#'* | '') ;;
      ' '*) line="$line ${next#"${next%%[! ]*}"}" ;;
      *) [ -z "$line" ] || printf '%s\n' "$line"; line=$next ;;
    esac
  done < "$1"
  printf '%s\n' "$line"
}

for name in jwt_secret audit_key api_key grafana_password postgres_password; do
  has "$name" || random | put "$name"
done
for part in edge api persister; do
  has "redis_url_$part" || printf 'redis://%s:%s@redis:6379' "$part" "$(random)" | put "redis_url_$part"
  has "postgres_url_$part" ||
    printf 'postgres://rookery_%s_a:%s@postgres:5432/rookery' "$part" "$(random)" | put "postgres_url_$part"
done
has postgres_url_migrate ||
  printf 'postgres://rookery_migrator:%s@postgres:5432/rookery' "$(random)" | put postgres_url_migrate

# What an address writes as %40 is @ to who connects by it, and a password that is quoted or empty is none.
for name in redis_url_edge redis_url_api redis_url_persister \
  postgres_url_edge postgres_url_api postgres_url_persister postgres_url_migrate; do
  case $(password_in "$name") in
    '' | *[!A-Za-z0-9._~-]*)
      echo "secrets.sh: the password in $folder/$name has to be of A-Z a-z 0-9 . _ ~ -; remove the file for a new one" >&2
      exit 1
      ;;
  esac
done

# Redis knows a password by its digest alone.
users=$(joined "$here/../redis/users.acl")
for part in edge api persister; do
  users=$(printf '%s\n' "$users" | sed "s/#DIGEST_OF_$part /#$(digest "$(password_in "redis_url_$part")") /")
done
printf '%s\n' "$users" | put redis_users

# For the superuser: the roles, and a password for each login that is in use.
{
  cat "$here/../postgres/roles.sql"
  for part in edge api persister; do
    login=$(sed 's|^postgres://||; s|:.*||' "$folder/postgres_url_$part")
    printf "alter role %s password '%s';\n" "$login" "$(password_in "postgres_url_$part")"
  done
  printf "alter role rookery_migrator password '%s';\n" "$(password_in postgres_url_migrate)"
} | put postgres_roles
