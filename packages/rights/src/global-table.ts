// What is in force for no one channel: who is banned everywhere, and which tokens are good no longer. Held whole by every edge
// and api, read from Postgres at the start and kept current by the changes that are announced. Pure: it reads nothing itself.
// States: empty (version -1: nobody may be let in yet), loaded. A ban or revocation whose time is over counts for nothing and
// is dropped a few at a time, with each change.
import type { BanEverywhere, GlobalChange, Revocation } from "@rookery/protocol";

/** What Postgres has: all that is in force, or what changed after some version. */
export interface GlobalRows {
  readonly version: number;
  readonly bans: readonly BanEverywhere[];
  readonly revocations: readonly Revocation[];
}

/** Whoever shows a token. */
export interface Bearer {
  readonly user: string;
  readonly jti?: string | undefined;
  /** Since the Unix epoch, ms: the latest at which the token can have been issued, 0 where it does not tell. */
  readonly issuedAtMs: number;
}

export type GlobalRefusal =
  | { readonly kind: "banned"; readonly untilMs: number | null; readonly reason: string | null }
  | { readonly kind: "revoked" };

export interface GlobalTable {
  /** -1 as long as nothing was read. */
  version(this: void): number;
  load(this: void, rows: GlobalRows): void;
  /** `behind`: changes before this one never came, so nothing was taken over: read what changed after `version`. */
  apply(this: void, change: GlobalChange, nowMs: number): "applied" | "known" | "behind";
  /** `nowMs`, here and there, on Redis' clock. */
  refusal(this: void, bearer: Bearer, nowMs: number): GlobalRefusal | undefined;
}

interface Before {
  readonly issuedBeforeMs: number;
  readonly expiresMs: number;
}

/** Looked at with each change: more than a change adds, so that what is over never outgrows what is in force. */
const SWEPT_A_CHANGE = 16;

export function createGlobalTable(): GlobalTable {
  const bans = new Map<string, BanEverywhere>();
  const tokens = new Map<string, Revocation>();
  /** By user. */
  const users = new Map<string, Before>();
  let everybody: Before = { issuedBeforeMs: -1, expiresMs: 0 };
  let version = -1;
  let sweeping: Iterator<() => void> | undefined;

  function ban(row: BanEverywhere): void {
    if (row.lifted) bans.delete(row.user);
    else bans.set(row.user, row);
  }

  function revoke(row: Revocation): void {
    const { jti, user, issuedBeforeMs, expiresMs } = row;
    if (jti !== null) tokens.set(jti, row);
    if (issuedBeforeMs === null) return;
    if (user === null) everybody = later(everybody, { issuedBeforeMs, expiresMs });
    else users.set(user, later(users.get(user), { issuedBeforeMs, expiresMs }));
  }

  /** Each entry as what takes it away if it is over; a Map may lose entries while it is gone through. */
  function* endings(nowMs: number): Generator<() => void> {
    for (const [user, { untilMs }] of bans) {
      yield () => void (untilMs !== null && untilMs <= nowMs && bans.delete(user));
    }
    for (const [jti, { expiresMs }] of tokens) yield () => void (expiresMs <= nowMs && tokens.delete(jti));
    for (const [user, { expiresMs }] of users) yield () => void (expiresMs <= nowMs && users.delete(user));
  }

  function sweep(nowMs: number): void {
    for (let n = 0; n < SWEPT_A_CHANGE; n += 1) {
      sweeping ??= endings(nowMs);
      const next = sweeping.next();
      if (next.done === true) {
        sweeping = undefined;
        return;
      }
      next.value();
    }
  }

  return {
    version: () => version,
    load(rows) {
      // What was announced meanwhile is newer than what was read.
      if (rows.version <= version) return;
      rows.bans.forEach(ban);
      rows.revocations.forEach(revoke);
      version = rows.version;
    },
    apply(change, nowMs) {
      if (change.version <= version) return "known";
      if (change.version > version + 1 || version < 0) return "behind";
      if (change.ban !== null) ban(change.ban);
      if (change.revocation !== null) revoke(change.revocation);
      version = change.version;
      sweep(nowMs);
      return "applied";
    },
    refusal({ user, jti, issuedAtMs }, nowMs) {
      const banned = bans.get(user);
      if (banned !== undefined && (banned.untilMs === null || nowMs < banned.untilMs)) {
        return { kind: "banned", untilMs: banned.untilMs, reason: banned.reason };
      }
      if (jti !== undefined && isInForce(tokens.get(jti), user, nowMs)) return REVOKED;
      const isOld = issuedBefore(everybody, issuedAtMs, nowMs) || issuedBefore(users.get(user), issuedAtMs, nowMs);
      return isOld ? REVOKED : undefined;
    },
  };
}

const REVOKED: GlobalRefusal = { kind: "revoked" };

/** One of a `jti` alone, or of this user's. */
function isInForce(revocation: Revocation | undefined, user: string, nowMs: number): boolean {
  if (revocation === undefined || nowMs >= revocation.expiresMs) return false;
  return revocation.user === null || revocation.user === user;
}

function issuedBefore(before: Before | undefined, issuedAtMs: number, nowMs: number): boolean {
  return before !== undefined && nowMs < before.expiresMs && issuedAtMs <= before.issuedBeforeMs;
}

/** Both in one, so that neither ends before its time: it may reach a little further than the two. */
function later(one: Before | undefined, other: Before): Before {
  if (one === undefined) return other;
  return {
    issuedBeforeMs: Math.max(one.issuedBeforeMs, other.issuedBeforeMs),
    expiresMs: Math.max(one.expiresMs, other.expiresMs),
  };
}
