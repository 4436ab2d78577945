-- Revokes whole families of refresh tokens.
-- $1 families
select revoke_refresh_families($1::text[]) as revoked
