// What a rejected Redis command means for a client: did it not happen, or is that not known? One table.
// Used by whoever sends a write. Only an answer of Redis, or a refusal before anything was sent, means "did not happen".
import { ChatError } from "@rookery/protocol";

type Fate = "overloaded" | "unavailable" | "unknown";

const BROKE_OFF = /user_script|script: [0-9a-f]{40}|^(BUSY|UNKILLABLE)\b/;
/** Of those, what no waiting mends: other words tell of the state in which Redis is. */
const SCRIPT_FAULT = /^(ERR|WRONGTYPE)\b.*(user_script|script: [0-9a-f]{40})/;

/**
 * First match wins. A script that broke off in the middle names itself in its error and may have written; while another
 * one is stuck Redis answers BUSY, and what that one did or will do is not known either.
 */
const REPLIES: readonly (readonly [RegExp, Fate])[] = [
  [BROKE_OFF, "unknown"],
  [/^OOM\b/, "overloaded"],
  [/^/, "unavailable"],
];

/** Refusals of ioredis made before it sent anything. Its other errors do not tell whether the command left. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "Stream isn't writeable and enableOfflineQueue options is false",
  "Cluster isn't ready and enableOfflineQueue options is false",
  "All keys in the pipeline should belong to the same slots allocation group",
]);

/** A redirection followed too often: every attempt ended with an answer of Redis, so nothing was applied. */
const REDIRECTED = /^Too many Cluster redirections\. Last error: ReplyError: /;

const MESSAGES = {
  overloaded: "the server is full, try again later",
  unavailable: "the message store cannot be reached",
  unknown: "the outcome is not known: repeat with the same clientId",
} as const satisfies Record<Fate, string>;

/** In the words with which every fate is told. */
export function refusalOf(fate: Fate): ChatError {
  return new ChatError(fate, MESSAGES[fate]);
}

/** The refusal a client is told for this rejection; one that already is a ChatError is handed back. */
export function refusalFor(error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  return refusalOf(fateOf(error));
}

/** What Redis said when a script of ours broke off in it, which no waiting mends; undefined for any other rejection. */
export function brokeOff(error: unknown): string | undefined {
  return error instanceof Error && error.name === "ReplyError" && BROKE_OFF.test(error.message)
    ? error.message
    : undefined;
}

/** Redis said so of a script of ours that failed for itself, or for a key of another type than ours. */
export function isScriptFault(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError" && SCRIPT_FAULT.test(error.message);
}

/** Redis has answered, if only with an error: nothing of the command is left that could still act. */
export function isAnswer(error: unknown): boolean {
  return error instanceof ChatError || (error instanceof Error && error.name === "ReplyError");
}

function fateOf(error: unknown): Fate {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "ReplyError") return REPLIES.find(([pattern]) => pattern.test(error.message))?.[1] ?? "unknown";
  return NEVER_SENT.has(error.message) || REDIRECTED.test(error.message) ? "unavailable" : "unknown";
}
