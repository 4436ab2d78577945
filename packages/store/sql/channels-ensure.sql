-- Makes those of these public channels that never were, each with its owner as a member: the ids of those it made. One
-- statement for any number. In the order of their ids, so that two who make the same ones wait for each other and never in
-- a circle.
-- $1 ids  $2 owner
with made as (
  insert into channels (id, kind, owner)
  select w.id, 'public', $2::text
  from unnest($1::text[]) as w (id)
  where not exists (select from channels c where c.id = w.id)
  order by w.id collate "C"
  on conflict (id) do nothing
  returning id, owner
)
insert into members (channel, user_id, role) select id, owner, 'owner' from made returning channel as id
