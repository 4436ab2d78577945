-- Whose token this is, used up or not, unless it was revoked or has ended.
-- $1 hash
select user_id as "user" from refresh_tokens where hash = $1::text and revoked_at is null and expires_at > now_ms()
