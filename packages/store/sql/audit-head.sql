-- Where one chain was left. $1 partition.
select audit_n as n, encode(audit_mac, 'hex') as mac from outbox_positions where partition = $1
