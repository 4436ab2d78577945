-- The key with this hash, unless it was revoked.
-- $1 hash
select id, name, to_json(scopes) as scopes from api_keys where hash = $1::text and revoked_at is null
