-- Keys, the newest first.
-- $1 how many at most
select id, name, to_json(scopes) as scopes, created_at as "createdAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"
from api_keys order by id desc limit $1::integer
