-- Revokes a key, and has it recorded; no row for a number that no key has.
-- $1 number  $2 machine  $3 who gave the command there
select name, was_valid as "wasValid" from revoke_api_key($1::bigint, $2::text, $3::text)
