-- Keeps a new key, and has it recorded.
-- $1 hash  $2 name  $3 scopes  $4 machine  $5 who gave the command there
select id from create_api_key($1::text, $2::text, $3::text[], $4::text, $5::text)
