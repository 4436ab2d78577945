-- Messages without a position of their own, the oldest first, without their texts.
-- $1 channel or null for all  $2 only those after this number  $3 most rows
select
  id, at, partition, channel, epoch || '-' || seq as position, message_id as message, held_id as "heldBy",
  case when held_epoch is not null then held_epoch || '-' || held_seq end as "standsAt"
from quarantine
where ($1::text is null or channel = $1::text) and id > $2::bigint
order by id
limit $3::integer
