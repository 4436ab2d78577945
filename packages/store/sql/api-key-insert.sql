-- Keeps a new key; one that is there already stays as it is.
-- $1 hash  $2 name  $3 scopes
insert into api_keys (hash, name, scopes) values ($1::text, $2::text, $3::text[]) on conflict (hash) do nothing
