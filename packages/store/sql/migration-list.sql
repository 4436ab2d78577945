-- Everything applied, in order.
select name, checksum, applied_at as "appliedAt" from schema_migrations order by name collate "C"
