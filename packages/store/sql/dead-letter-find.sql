-- A dead letter with what was announced, in base64.
-- $1 number
select
  id, partition, entry_epoch as "entryEpoch", entry_number as "entryNumber", channel, epoch, seq,
  encode(frame, 'base64') as frame, reason, at
from dead_letters where id = $1::bigint
