// What the nodes of a cluster tell each other of who may do what: one change, as Postgres committed it, on its way over a
// partition's control topic. Shapes and their one reader. Made by the statements that commit a change, announced by the api,
// acted upon by edges; no client ever sees one. Everything in it is absolute: a change that comes twice is the same change.
import Type from "typebox";
import type { Static, TSchema, TUnion, TNull } from "typebox";
import { Compile } from "typebox/compile";
import { REMOVED_CODES, ROLES } from "./server-frames.ts";

const nullable = <T extends TSchema>(schema: T): TUnion<[T, TNull]> => Type.Union([schema, Type.Null()]);
const TimeMs = Type.Integer({ minimum: 0 });
const RoleField = Type.Enum([...ROLES]);
const CodeField = Type.Enum([...REMOVED_CODES]);

/** Who may come in: everybody, those who were let in, those who know the password, or two users. A channel keeps its kind. */
export const CHANNEL_KINDS = ["public", "private", "password", "direct"] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** A ban or a mute. `untilMs` on Redis' clock, null for good. */
const SanctionSchema = Type.Object({ untilMs: nullable(TimeMs), reason: nullable(Type.String()) });

/** What Postgres has of one user in one channel. Whoever has none of it is in a public channel a member, elsewhere nobody. */
const AccessEntrySchema = Type.Object({
  role: nullable(RoleField),
  ban: nullable(SanctionSchema),
  mute: nullable(SanctionSchema),
});

/** What of a channel decides who may do what. `version` grows with every change of any of it, and of any entry. */
const ChannelRecordSchema = Type.Object({
  version: Type.Integer({ minimum: 0 }),
  kind: Type.Enum([...CHANNEL_KINDS]),
  owner: Type.String(),
  slowModeSec: Type.Integer({ minimum: 0 }),
  memberCap: nullable(Type.Integer({ minimum: 1 })),
  /** It was, and its id is given to nobody again. */
  deleted: Type.Boolean(),
});

/** Who is taken out of a channel by a change: one user, or everybody but those of some roles. */
const RemovalSchema = Type.Object({
  code: CodeField,
  user: nullable(Type.String()),
  keeps: Type.Array(RoleField),
  untilMs: nullable(TimeMs),
  reason: nullable(Type.String()),
});

const ChannelChangeSchema = Type.Object({
  kind: Type.Literal("channel"),
  channel: Type.String(),
  /** As it is after the change. */
  record: ChannelRecordSchema,
  /** Those users whose entries changed, as they are after it. */
  entries: Type.Array(Type.Object({ user: Type.String(), entry: AccessEntrySchema })),
  /** True: every other entry may have changed too, and is to be read again. */
  forgets: Type.Boolean(),
  removal: nullable(RemovalSchema),
});

/** A ban everywhere, or its end (`lifted`). */
const BanEverywhereSchema = Type.Object({
  user: Type.String(),
  untilMs: nullable(TimeMs),
  reason: nullable(Type.String()),
  lifted: Type.Boolean(),
});

/**
 * Tokens that are good no longer: the one with this `jti`, or those issued up to `issuedBeforeMs` (inclusive, ms), of one user
 * or of everybody. Forgotten after `expiresMs`, when none of them can be valid any more.
 */
const RevocationSchema = Type.Object({
  jti: nullable(Type.String()),
  user: nullable(Type.String()),
  issuedBeforeMs: nullable(TimeMs),
  expiresMs: TimeMs,
});

/** Of no one channel: announced in partition 0. `version` counts these changes, all of them in one line. */
const GlobalChangeSchema = Type.Object({
  kind: Type.Literal("global"),
  version: Type.Integer({ minimum: 1 }),
  ban: nullable(BanEverywhereSchema),
  revocation: nullable(RevocationSchema),
});

/** An order to every edge about one user's sessions, announced in the user's own partition: a notice, or a farewell. */
const UserOrderSchema = Type.Object({
  kind: Type.Literal("user"),
  user: Type.String(),
  /** The finished frame of a notice. */
  frame: nullable(Type.String()),
  /** A close code and its reason. */
  close: nullable(Type.Object({ code: Type.Integer({ minimum: 4000, maximum: 4999 }), reason: Type.String() })),
});

export type Sanction = Static<typeof SanctionSchema>;
export type AccessEntry = Static<typeof AccessEntrySchema>;
export type ChannelRecord = Static<typeof ChannelRecordSchema>;
export type Removal = Static<typeof RemovalSchema>;
export type ChannelChange = Static<typeof ChannelChangeSchema>;
export type BanEverywhere = Static<typeof BanEverywhereSchema>;
export type Revocation = Static<typeof RevocationSchema>;
export type GlobalChange = Static<typeof GlobalChangeSchema>;
export type UserOrder = Static<typeof UserOrderSchema>;
export type Control = ChannelChange | GlobalChange | UserOrder;

/** What is known of who may do what in a channel, and of the users who were asked for. */
export interface KnownAccess {
  readonly record: ChannelRecord;
  /** True: every user with an entry stands in `entries`, so whoever does not has none. */
  readonly isWhole: boolean;
  /** By user. One who was asked for and has no entry stands here with everything null, unless `isWhole`. */
  readonly entries: ReadonlyMap<string, AccessEntry>;
}

/** A channel and those of whom it is asked there. */
export interface AccessWish {
  readonly channel: string;
  readonly users: readonly string[];
}

const isControl = Compile(Type.Union([ChannelChangeSchema, GlobalChangeSchema, UserOrderSchema]));
const isRecord = Compile(ChannelRecordSchema);
const isEntry = Compile(AccessEntrySchema);

/** Undefined for what no build of this version wrote. Fields that it does not know are left in. */
export function parseControl(text: string): Control | undefined {
  const value = parsed(text);
  return isControl.Check(value) ? value : undefined;
}

export function parseChannelRecord(text: string): ChannelRecord | undefined {
  const value = parsed(text);
  return isRecord.Check(value) ? value : undefined;
}

export function parseAccessEntry(text: string): AccessEntry | undefined {
  const value = parsed(text);
  return isEntry.Check(value) ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
