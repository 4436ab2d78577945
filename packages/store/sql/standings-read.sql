-- What Postgres has of channels and of users in them: a row for each channel that was ever made. Each user who is asked for
-- is looked up by key in three tables, whether or not there is such a channel. Where nobody who is asked for may know of the
-- channel no more than that is done, so that one that is hidden takes what one that is absent takes; elsewhere all users who
-- have an entry are given, where they are no more than $2.
-- $1 JSON: [{"channel": id, "users": [ids]}]  $2 most users with an entry of a channel that is given whole
select
  w.channel,
  json_build_object(
    'version', c.rights_version, 'kind', c.kind, 'owner', c.owner, 'slowModeSec', c.slow_mode_sec, 'memberCap', c.member_cap,
    'deleted', c.deleted_at is not null
  ) as record,
  whole.is_known and whole.users <= $2::integer as "isWhole",
  case when whole.is_known and whole.users <= $2::integer then whole.entries else asked.entries end as entries
from json_to_recordset($1::text::json) as w (channel text, users json)
-- Lookups by key, whatever is known of the tables: offset 0 keeps them from being made one join.
cross join lateral (
  select
    coalesce(json_agg(json_build_object(
      'user', u.id, 'entry', json_build_object('role', m.role, 'ban', b.ban, 'mute', x.mute)
    )), '[]') as entries,
    count(m.role) as roles
  from json_array_elements_text(w.users) as u (id)
  left join lateral (
    select role from members where channel = w.channel and user_id = u.id offset 0
  ) as m on true
  left join lateral (
    select json_build_object('untilMs', until_ms, 'reason', reason) as ban
    from bans where channel = w.channel and user_id = u.id offset 0
  ) as b on true
  left join lateral (
    select json_build_object('untilMs', until_ms, 'reason', reason) as mute
    from mutes where channel = w.channel and user_id = u.id offset 0
  ) as x on true
) as asked
join lateral (select * from channels where id = w.channel offset 0) as c on true
-- Nothing of it is read unless it is to be known: in each branch that is asked first.
cross join lateral (
  select
    asked.roles > 0 or c.kind in ('public', 'password') as is_known, count(*) as users,
    coalesce(json_agg(json_build_object(
      'user', e.id, 'entry', json_build_object('role', e.role, 'ban', e.ban::json, 'mute', e.mute::json)
    )), '[]') as entries
  from (
    select a.id, max(a.role) as role, max(a.ban) as ban, max(a.mute) as mute
    from (
      (
        select user_id as id, role, null::text as ban, null::text as mute from members
        where channel = w.channel and (asked.roles > 0 or c.kind in ('public', 'password'))
        order by user_id limit $2::integer + 1
      )
      union all
      (
        select user_id, null, json_build_object('untilMs', until_ms, 'reason', reason)::text, null from bans
        where channel = w.channel and (asked.roles > 0 or c.kind in ('public', 'password'))
        order by user_id limit $2::integer + 1
      )
      union all
      (
        select user_id, null, null, json_build_object('untilMs', until_ms, 'reason', reason)::text from mutes
        where channel = w.channel and (asked.roles > 0 or c.kind in ('public', 'password'))
        order by user_id limit $2::integer + 1
      )
    ) as a
    group by a.id
  ) as e
) as whole
