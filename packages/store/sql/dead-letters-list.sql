-- Dead letters, the oldest first, without their texts.
-- $1 channel or null for all  $2 only those after this number  $3 most rows
select id, at, partition, channel, epoch || '-' || seq as position, length(frame) as bytes, reason
from dead_letters
where ($1::text is null or channel = $1::text) and id > $2::bigint
order by id
limit $3::integer
