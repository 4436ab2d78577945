// What a ban or a mute looks like over HTTP, and how its end and its reason are read. Pure.
import { ChatError, cleanText } from "@rookery/protocol";
import type { SanctionGiven } from "@rookery/store";
import Type from "typebox";
import type { Static } from "typebox";

/** The latest time that a date can name. */
const MAX_TIME_MS = 8_640_000_000_000_000;
/** Ten years: whoever means longer means for good. */
const MAX_SEC = 315_360_000;
const MAX_REASON_CODE_POINTS = 256;
const REASON_WORDS = `a reason that the user is told: text of at most ${MAX_REASON_CODE_POINTS} code points`;

export const ReasonField = Type.Optional(Type.String({ description: REASON_WORDS, examples: ["spam"] }));

export const SanctionBody = Type.Object({
  untilMs: Type.Optional(
    Type.Unsafe<number | null>({
      type: ["integer", "null"],
      minimum: 0,
      maximum: MAX_TIME_MS,
      description: "when it ends, milliseconds since the Unix epoch; null for good",
      examples: [1_900_000_000_000],
    }),
  ),
  forSec: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_SEC,
      description: `for how many seconds from now, a whole number from 1 to ${MAX_SEC}; not together with untilMs`,
      examples: [3600],
    }),
  ),
  reason: ReasonField,
});

const SANCTION_FIELDS = {
  untilMs: Type.Unsafe<number | null>({
    type: ["integer", "null"],
    description: "when it ends by itself, milliseconds since the Unix epoch; null for good",
  }),
  reason: Type.Unsafe<string | null>({ type: ["string", "null"] }),
  by: Type.String({ description: "a user id, or `key:` and the name of an API key" }),
  at: Type.Integer({ description: "milliseconds since the Unix epoch" }),
};
const EXAMPLE = { untilMs: 1_900_000_000_000, reason: "spam", by: "key:site", at: 1_800_000_000_000 };

export const SanctionSchema = Type.Object(
  { user: Type.String(), channel: Type.String(), ...SANCTION_FIELDS },
  { examples: [{ user: "mallory", channel: "lobby", ...EXAMPLE }] },
);
/** Of no one channel. */
export const BanEverywhereSchema = Type.Object(
  { user: Type.String(), channel: Type.Null(), ...SANCTION_FIELDS },
  { examples: [{ user: "mallory", channel: null, ...EXAMPLE }] },
);

/** Without an end it is for good. Throws ChatError `invalid`. */
export function readSanction(
  { untilMs, forSec, reason }: Static<typeof SanctionBody>,
  nowMs: number = Date.now(),
): SanctionGiven {
  if (untilMs !== undefined && forSec !== undefined) {
    throw new ChatError("invalid", '"untilMs" and "forSec" exclude each other');
  }
  if (typeof untilMs === "number" && untilMs <= nowMs) throw new ChatError("invalid", '"untilMs" is in the past');
  const endMs = forSec === undefined ? (untilMs ?? null) : nowMs + forSec * 1000;
  return { untilMs: endMs, reason: readReason(reason) };
}

/** Null where nothing is said. Throws ChatError `invalid`. */
export function readReason(reason: string | undefined): string | null {
  const given = reason ?? "";
  // Cleaning never takes more than one unit in two (CRLF), nor a code point into more than a few: so long a text is refused
  // by its length alone.
  const clean = given.length > 4 * MAX_REASON_CODE_POINTS ? undefined : cleanText(given);
  if (clean?.kind === "refusal") throw new ChatError("invalid", `"reason": ${clean.message}`);
  if (clean === undefined || Array.from(clean.text).length > MAX_REASON_CODE_POINTS) {
    throw new ChatError("invalid", `"reason" must be ${REASON_WORDS}`);
  }
  return clean.text.trim() || null;
}
