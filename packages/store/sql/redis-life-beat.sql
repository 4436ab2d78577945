-- A persister says that it drains this Redis now. What nobody has said for a day is forgotten on the way.
-- $1 its life  $2 how long a word counts, ms
with old as (
  delete from redis_lives where beat_at < now_ms() - 86400000 and life <> $1
)
insert into redis_lives as known (life, beats, since, beat_at) values ($1, 1, now_ms(), now_ms())
on conflict (life) do update set
  beats = known.beats + 1,
  since = case when known.beat_at > now_ms() - $2::bigint then known.since else excluded.since end,
  beat_at = excluded.beat_at
