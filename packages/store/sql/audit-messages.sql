-- Messages, edits and deletions of one channel as the audit log shows them: when, what and by whom, without a text. The newest
-- first, found among some positions before a given one; the row without an id comes last and tells how many those were, and the
-- last of them.
-- $1 channel, $2 and $3 the position, $4 author or null, $5 kind or null, $6 and $7 from and to, ms, $8 how many rows, $9 how many
-- positions.
with seen as (
  select epoch, seq, id, at, kind, author, target
  from messages
  where channel = $1 and (epoch, seq) < ($2, $3)
  order by epoch desc, seq desc
  limit $9
)
(
  select epoch, seq, id, at, kind, author, target
  from seen
  where kind <> 'reaction' and ($4::text is null or author = $4) and ($5::text is null or kind = $5) and at between $6 and $7
  order by epoch desc, seq desc
  limit $8
)
union all
(
  select epoch, seq, null, (select count(*) from seen), kind, author, target
  from seen
  order by epoch, seq
  limit 1
)
