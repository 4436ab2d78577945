-- The partitions that have a chain, or should have one.
select partition from audit_log
union
select partition from outbox_positions where audit_n > 0
order by 1
