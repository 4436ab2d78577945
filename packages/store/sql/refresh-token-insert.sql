-- Keeps the first token of a family.
-- $1 hash  $2 family  $3 user  $4 name  $5 claims, JSON  $6 end, ms
insert into refresh_tokens (hash, family, user_id, name, claims, expires_at)
values ($1::text, $2::text, $3::text, $4::text, $5::text::json, $6::bigint)
