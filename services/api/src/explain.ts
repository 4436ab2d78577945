// Why a message did or did not reach a user: made of what Postgres, Redis and the audit log have, each step with where it is
// known from. Called by the route alone. It never guesses: what nobody noted is told as not recorded. Pure.
import type { NotedRecord, StandingToday, TracedMessage } from "@rookery/store";

export const EVIDENCE = ["messages", "log", "audit_log", "members", "bans", "sessions", "not recorded"] as const;

export interface Step {
  /** ms since the Unix epoch; null where it has no time, or none that is known. */
  readonly at: number | null;
  readonly what: string;
  /** Whether the message came this far, as far as is known. */
  readonly ok: boolean;
  readonly evidence: (typeof EVIDENCE)[number];
}

export interface Case {
  readonly user: string;
  readonly message: TracedMessage;
  /** Whether Postgres has it; else it is in the log and waits. */
  readonly isCommitted: boolean;
  readonly standing: StandingToday | undefined;
  /** Ascending. */
  readonly records: readonly NotedRecord[];
  /** Connections of the user that stand now, by since when. */
  readonly sessions: readonly { readonly node: string; readonly since: number }[];
}

export interface Explanation {
  readonly steps: readonly Step[];
  readonly verdict: string;
}

export function explain(about: Case): Explanation {
  const { deletedAt } = about.message;
  const what = "deleted: from then on it shows no text";
  const gone: Step[] = deletedAt === null ? [] : [{ at: deletedAt, what, ok: false, evidence: "messages" }];
  const rights = rightsThen(about);
  const presence = presenceThen(about);
  const cut = cutAfter(about);
  const resumed = resumedAfter(about);
  const steps = [...wayOf(about), ...gone, rights, presence, ...(cut === undefined ? [] : [cut]), resumed];
  return { steps, verdict: verdictOf(about, { rights, presence, cut, resumed }) };
}

/** Numbering and announcing are one step of Redis, so what has a position was announced. */
function wayOf({ message, isCommitted }: Case): Step[] {
  const { channel, author, epoch, seq, at } = message;
  const evidence = isCommitted ? "messages" : "log";
  return [
    { at, what: `taken from ${author} and numbered ${epoch}-${seq} in ${channel}`, ok: true, evidence },
    { at, what: "announced to every edge with somebody in the channel, in the same step", ok: true, evidence },
    isCommitted
      ? { at: null, what: "committed in Postgres", ok: true, evidence }
      : { at: null, what: "not in Postgres yet: it waits in the outbox", ok: false, evidence },
  ];
}

/** A connection that nobody closed: its edge or its network is gone. */
const CUT = 1006;
/** A dead socket is noticed within so long. */
const CUT_WITHIN_MS = 60_000;
/** Comings and goings gather for a moment before they are noted, and are told as of then. */
const NOTED_WITHIN_MS = 500;
const HIDDEN_KINDS: ReadonlySet<string> = new Set(["private", "password", "direct"]);

/** Whether the user could read in the channel when the message was announced. */
function rightsThen({ message: { at }, standing, records }: Case): Step {
  const before = records.filter((record) => record.at <= at);
  const banned = bannedBy(before, at) ?? bannedToday(standing, at);
  if (banned !== undefined) return banned;
  const given = before.findLast(({ kind, channel }) => kind === "role" && channel !== null);
  if (given !== undefined) {
    const role = textOf(given, "role");
    const what = role === "none" ? "had no role: it was taken away" : `had the role ${role}`;
    const isIn = role !== "none" || !HIDDEN_KINDS.has(standing?.kind ?? "public");
    return { at: given.at, what: `${what}, by ${given.actor}`, ok: isIn, evidence: "audit_log" };
  }
  if (standing?.role != null && (standing.since ?? at) <= at)
    return { at: standing.since, what: `had the role ${standing.role}`, ok: true, evidence: "members" };
  if (HIDDEN_KINDS.has(standing?.kind ?? "public"))
    return {
      at: null,
      what: "a role then is not recorded, and only members read here",
      ok: false,
      evidence: "not recorded",
    };
  return {
    at: null,
    what: "might read like everybody: the channel is public and no ban is recorded",
    ok: true,
    evidence: "members",
  };
}

/** By the last word before the moment, in the channel and everywhere. */
function bannedBy(before: readonly NotedRecord[], atMs: number): Step | undefined {
  for (const [gives, takes, where] of [
    ["ban_everywhere", "unban_everywhere", "everywhere"],
    ["ban", "unban", "in the channel"],
  ] as const) {
    const last = before.findLast(({ kind }) => kind === gives || kind === takes);
    if (last?.kind !== gives || !holds(numberOf(last, "untilMs"), atMs)) continue;
    return { at: last.at, what: `was banned ${where}, by ${last.actor}`, ok: false, evidence: "audit_log" };
  }
  return undefined;
}

/** Of one who was banned where nothing is audited, or before it was. */
function bannedToday(standing: StandingToday | undefined, atMs: number): Step | undefined {
  if (standing === undefined) return undefined;
  const { banAt, banUntil, outAt, outUntil, outLifted } = standing;
  if (outAt !== null && outAt <= atMs && holds(outUntil, atMs) && holds(outLifted, atMs))
    return { at: outAt, what: "was banned everywhere", ok: false, evidence: "bans" };
  if (banAt !== null && banAt <= atMs && holds(banUntil, atMs))
    return { at: banAt, what: "was banned in the channel", ok: false, evidence: "bans" };
  return undefined;
}

function holds(untilMs: number | null, atMs: number): boolean {
  return untilMs === null || untilMs > atMs;
}

interface Held {
  readonly node: string;
  /** When it came into the channel, null while it is not in it. */
  joinedAt: number | null;
}

/** What puts all of a user's connections out of the channel, or closes them. */
const PUTS_OUT: ReadonlySet<string> = new Set(["ban", "kick", "ban_everywhere", "disconnect_user"]);

function isInside({ joinedAt }: Held): boolean {
  return joinedAt !== null;
}

/** The user's connections at a moment, as they were noted. */
function heldAt(records: readonly NotedRecord[], atMs: number): Map<string, Held> {
  const held = new Map<string, Held>();
  for (const record of records) {
    if (record.at > atMs) break;
    const session = textOf(record, "session");
    const node = record.node ?? "";
    if (record.kind === "connect") held.set(session, { node, joinedAt: null });
    else if (record.kind === "join") held.set(session, { node, joinedAt: record.at });
    else if (record.kind === "leave") held.set(session, { node, joinedAt: null });
    else if (record.kind === "disconnect") held.delete(session);
    else if (PUTS_OUT.has(record.kind)) for (const each of held.values()) each.joinedAt = null;
  }
  return held;
}

function presenceThen({ message: { at }, records, sessions }: Case): Step {
  const held = [...heldAt(records, at).values()];
  const inside = held.filter(isInside);
  const [first] = inside;
  const isInsideSoon = [...heldAt(records, at + NOTED_WITHIN_MS).values()].some(isInside);
  if ((first !== undefined) !== isInsideSoon) {
    const what = "came into the channel or left it at that very moment, too close to tell";
    return { at, what, ok: false, evidence: "audit_log" };
  }
  if (first !== undefined) {
    const nodes = [...new Set(inside.map(({ node }) => node))].join(" and ");
    return { at: first.joinedAt, what: `was in the channel, on ${nodes}`, ok: true, evidence: "audit_log" };
  }
  if (held.length > 0)
    return { at: null, what: "was connected, and not in the channel", ok: false, evidence: "audit_log" };
  const standing = sessions.find(({ since }) => since <= at);
  if (standing !== undefined) {
    const what = `the user was connected to ${standing.node}, perhaps not in the channel`;
    return { at: standing.since, what, ok: false, evidence: "sessions" };
  }
  const last = records.findLast((record) => record.at <= at && record.kind === "disconnect");
  if (last === undefined)
    return { at: null, what: "no connection then is recorded", ok: false, evidence: "not recorded" };
  return { at: last.at, what: "was not connected: the last connection had ended", ok: false, evidence: "audit_log" };
}

/** Of one who was in the channel by connections that all were cut: bytes on their way may have been lost with them. */
function cutAfter({ message: { at }, records }: Case): Step | undefined {
  const inside = [...heldAt(records, at)].filter(([, held]) => isInside(held)).map(([session]) => session);
  const cuts = inside.map((session) =>
    records.find(
      (record) =>
        record.kind === "disconnect" &&
        textOf(record, "session") === session &&
        record.at > at &&
        record.at <= at + CUT_WITHIN_MS &&
        numberOf(record, "code") === CUT,
    ),
  );
  const last = cuts.findLast((each) => each !== undefined);
  if (last === undefined || cuts.includes(undefined)) return undefined;
  return { at: last.at, what: "every one of these connections was cut soon after", ok: false, evidence: "audit_log" };
}

/** Whoever joins after it is given it, by the cursor they resume from or among the newest. */
function resumedAfter({ message: { at }, records }: Case): Step {
  const join = records.find((record) => record.at > at && record.kind === "join");
  if (join === undefined)
    return { at: null, what: "no join after it is recorded", ok: false, evidence: "not recorded" };
  const what = `joined on ${join.node ?? "an edge"}: it is in what follows an older cursor, and in the history`;
  return { at: join.at, what, ok: true, evidence: "audit_log" };
}

interface Findings {
  readonly rights: Step;
  readonly presence: Step;
  readonly cut: Step | undefined;
  readonly resumed: Step;
}

function verdictOf({ user, message }: Case, { rights, presence, cut, resumed }: Findings): string {
  const isCloseCall = !presence.ok && presence.at === message.at;
  const later = resumed.ok ? "they joined again later, and can read it since" : resumed.what;
  if (!rights.ok && rights.evidence !== "not recorded") return `It did not reach ${user}: the user ${rights.what}.`;
  if (presence.ok && cut !== undefined)
    return `It may not have reached ${user}: the user ${presence.what}, but ${cut.what}; ${later}.`;
  if (isCloseCall) return `It may have reached ${user}: the user ${presence.what}.`;
  if (presence.ok) return `It was handed to ${user}: the user ${presence.what}.`;
  if (presence.evidence === "audit_log")
    return `It did not reach ${user} when it was said: the user ${presence.what}; ${later}.`;
  return `Whether it reached ${user} when it was said is not recorded: ${presence.what}; ${later}.`;
}

function textOf({ data }: NotedRecord, field: string): string {
  const value = data?.[field];
  return typeof value === "string" ? value : "";
}

function numberOf({ data }: NotedRecord, field: string): number | null {
  const value = data?.[field];
  return typeof value === "number" ? value : null;
}
