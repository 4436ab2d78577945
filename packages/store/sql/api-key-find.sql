-- The key with this hash.
-- $1 hash
select id, name, to_json(scopes) as scopes from api_keys where hash = $1::text
