// What a channel looks like over HTTP: its fields, the bounds of its settings, and how they are read. Pure.
import { CHANNEL_KINDS, ChatError, cleanName, CLIENT_FRAMES } from "@rookery/protocol";
import type { ChannelGiven, ChannelRow } from "@rookery/store";
import Type from "typebox";
import type { Static, TUnsafe } from "typebox";

const MAX_SLOW_SEC = 86_400;
const MAX_DAYS = 36_500;
/** As of the settings that are the cluster's defaults. */
const MAX_DIGEST_ABOVE = 1_000_000;
const MAX_COUNT_ABOVE = 10_000_000;

/** A whole number, or null where the cluster's default holds. */
function wholeOrNull(maximum: number, meaning: string): TUnsafe<number | null> {
  const description = `a whole number from 1 to ${maximum}, or null for ${meaning}`;
  return Type.Unsafe<number | null>({ type: ["integer", "null"], minimum: 1, maximum, description });
}

const SETTING_FIELDS = {
  slowModeSec: Type.Integer({ minimum: 0, maximum: MAX_SLOW_SEC, description: `a whole number up to ${MAX_SLOW_SEC}` }),
  retentionDays: wholeOrNull(MAX_DAYS, "ever"),
  memberCap: wholeOrNull(MAX_COUNT_ABOVE, "no cap"),
  digestAbove: wholeOrNull(
    MAX_DIGEST_ABOVE,
    "the cluster's default: members present beyond which digests tell of them",
  ),
  countAbove: wholeOrNull(MAX_COUNT_ABOVE, "the cluster's default: members present beyond which only a number does"),
};

export const KindField = Type.Enum([...CHANNEL_KINDS], { description: CHANNEL_KINDS.join(", ") });

export const ChannelParams = Type.Object({ id: CLIENT_FRAMES.send.properties.channel });

/** What whoever may knock sees of it. */
const FACE_FIELDS = {
  id: Type.String(),
  kind: KindField,
  name: Type.Unsafe<string | null>({ type: ["string", "null"] }),
};

const UNSET_SETTINGS = { slowModeSec: 0, retentionDays: null, memberCap: null, digestAbove: null, countAbove: null };
const EXAMPLE = { id: "staff", kind: "private", name: "Staff", owner: "alice", createdAt: 1_800_000_000_000 };

/** As it is told. */
export const CHANNEL_FIELDS = {
  ...FACE_FIELDS,
  owner: Type.String({ description: "a user id" }),
  createdAt: Type.Integer({ description: "milliseconds since the Unix epoch" }),
  settings: Type.Object(SETTING_FIELDS),
};
export const ChannelSchema = Type.Object(CHANNEL_FIELDS, { examples: [{ ...EXAMPLE, settings: UNSET_SETTINGS }] });
export const ChannelFaceSchema = Type.Object(FACE_FIELDS, {
  description: "of a channel with a password, for whoever is no member",
  examples: [{ id: "den", kind: "password", name: "The den" }],
});

/** What may be given of it. */
export const GIVEN_FIELDS = {
  name: Type.Optional(
    Type.Unsafe<string | null>({
      type: ["string", "null"],
      description: "a name, cut to 64 code points, or null",
      examples: ["Staff"],
    }),
  ),
  settings: Type.Optional(
    Type.Partial(
      Type.Object(SETTING_FIELDS, {
        description: "an object of settings",
        examples: [{ slowModeSec: 5, memberCap: 50 }],
      }),
    ),
  ),
  password: Type.Optional(
    Type.String({
      description: "1 to 1024 bytes; of kind password alone",
      minLength: 1,
      maxLength: 1024,
      examples: ["open sesame"],
    }),
  ),
};

const Given = Type.Object(GIVEN_FIELDS);
export type GivenChannel = Static<typeof Given>;

/** As the store takes it; the password goes its own way. */
export function givenOf({ name, settings = {} }: GivenChannel): ChannelGiven {
  return name === undefined ? settings : { ...settings, name: shownName(name) };
}

export interface DefaultRules {
  readonly digestAbove: number;
  readonly countAbove: number;
}

/** Of a channel that is to be made. Throws ChatError `invalid` where there would be no room for digests. */
export function holdRules({ digestAbove, countAbove }: ChannelGiven, rules: DefaultRules): void {
  const [digest, count] = [digestAbove ?? rules.digestAbove, countAbove ?? rules.countAbove];
  if (digest < count) return;
  const words = `"settings.digestAbove" (${digest}) must be below "settings.countAbove" (${count})`;
  throw new ChatError("invalid", words);
}

/** A name that shows nothing is none. */
function shownName(name: string | null): string | null {
  return cleanName(name ?? "") || null;
}

export function toChannel(row: ChannelRow): Static<typeof ChannelSchema> {
  const { id, kind, name, owner, createdAt, slowModeSec, retentionDays, memberCap, digestAbove, countAbove } = row;
  const settings = { slowModeSec, retentionDays, memberCap, digestAbove, countAbove };
  return { id, kind, name, owner, createdAt, settings };
}
