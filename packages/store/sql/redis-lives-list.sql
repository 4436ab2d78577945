-- The Redis lives that were drained a moment ago, with how often that was told and since when.
-- $1 how long a word counts, ms
select life, beats, since from redis_lives where beat_at > now_ms() - $1::bigint
