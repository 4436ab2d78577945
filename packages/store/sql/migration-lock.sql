-- Held until the transaction ends: one process at a time makes the table of migrations.
select pg_advisory_xact_lock(hashtextextended('rookery schema', 0))
