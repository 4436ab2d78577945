-- The families of a token or of a user, in the order in which they are locked.
-- $1 hash of a token, or null  $2 user, or null
select distinct family from refresh_tokens where hash = $1::text or user_id = $2::text order by family
