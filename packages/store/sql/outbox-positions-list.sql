-- Up to where each partition's outbox is committed.
select partition, last_epoch as epoch, last_number as number from outbox_positions
