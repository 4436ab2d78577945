-- Tries a dead letter again, and has it recorded; outcome as retry_dead_letter says.
-- $1 number  $2 its row: an array of one batch_item  $3 machine  $4 who gave the command there
select retry_dead_letter($1::bigint, ($2::batch_item[])[1], $3::text, $4::text) as outcome
