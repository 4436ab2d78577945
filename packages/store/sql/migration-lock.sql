-- Held until the connection ends: one process at a time changes this database's schema.
select pg_advisory_lock(hashtextextended('rookery schema', 0))
