-- Notes that nothing is left of a deleted channel.
-- $1 channel
update channels set purged_at = now_ms(), name = null where id = $1::text and deleted_at is not null
