-- What the password of a channel is checked against.
-- $1 id
select password_hash as hash from channels where id = $1::text and deleted_at is null and password_hash is not null
