-- Whether a transaction that begins now may only read: on a standby, and wherever somebody has made it so.
select current_setting('transaction_read_only') as "readOnly"
