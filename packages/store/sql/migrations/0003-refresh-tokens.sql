-- Rotation and revocation of refresh tokens. Both take the family's lock before they look, so that a successor made at
-- the very moment of a revocation is either seen by it or not made.

create function lock_refresh_family(p_family text) returns void
language sql volatile as $$ select pg_advisory_xact_lock(hashtextextended('refresh ' || p_family, 0)) $$;

-- Exchanges a refresh token for its successor, once.
--
-- p_hash          of the token that was shown
-- p_successor_*   hash, the successor sealed with the shown token, and when it ends, ms
-- p_repeat_ms     for so long the same token may be shown again
--
-- Returns outcome: rotated; repeated (sealed holds the successor it was given); reused (shown again too late: its whole
-- family is revoked by this call); unknown (absent, expired or revoked). The other columns are null when unknown.
create function rotate_refresh_token(
  p_hash text, p_successor_hash text, p_successor_sealed bytea, p_successor_expires_at bigint, p_repeat_ms bigint
) returns table (outcome text, family text, user_id text, name text, claims json, sealed bytea)
language plpgsql as $$
#variable_conflict use_column
declare
  v_now bigint;
  t refresh_tokens%rowtype;
begin
  perform lock_refresh_family(r.family) from refresh_tokens r where r.hash = p_hash;
  select * into t from refresh_tokens where hash = p_hash;
  -- Read after the lock: whoever had to wait must not take the time of its arrival for now.
  v_now := now_ms();
  if t.hash is null or t.revoked_at is not null or t.expires_at <= v_now then
    return query select 'unknown', null::text, null::text, null::text, null::json, null::bytea;
  elsif t.replaced_at is null then
    insert into refresh_tokens (hash, family, user_id, name, claims, expires_at)
    values (p_successor_hash, t.family, t.user_id, t.name, t.claims, p_successor_expires_at);
    update refresh_tokens set replaced_at = v_now, successor_sealed = p_successor_sealed where hash = p_hash;
    return query select 'rotated', t.family, t.user_id, t.name, t.claims, p_successor_sealed;
  elsif v_now - t.replaced_at <= p_repeat_ms then
    return query select 'repeated', t.family, t.user_id, t.name, t.claims, t.successor_sealed;
  else
    update refresh_tokens set revoked_at = v_now where family = t.family and revoked_at is null;
    return query select 'reused', t.family, t.user_id, t.name, t.claims, null::bytea;
  end if;
end
$$;

-- Revokes every token of these families; answers how many of the families had one that was still good.
create function revoke_refresh_families(p_families text[]) returns bigint
language plpgsql as $$
declare
  v_revoked bigint;
begin
  perform lock_refresh_family(f.family) from (select unnest(p_families) as family order by 1) as f;
  with revoked as (
    update refresh_tokens set revoked_at = now_ms()
    where family = any (p_families) and revoked_at is null
    returning family
  )
  select count(distinct family) into v_revoked from revoked;
  return v_revoked;
end
$$;
