// What became of notices that were given a key, for as long as a repeat is told from a second one. Called by the api.
// A notice is in no log, so this is all that is remembered of it; of its text there is a fingerprint alone.
// States of a key: unknown, begun (told, or about to be, by somebody), ended (the outcome stands).
import { hash } from "node:crypto";
import { ChatError, ONCE_MS } from "@rookery/protocol";
import type { Meta } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface NoticeText {
  readonly body: string;
  readonly meta?: Meta | undefined;
}

export interface NoticeOutcome {
  readonly id: string;
  readonly sessions: number;
}

/** `tell`: it is this caller's to tell, under this id. `done`: it was told. */
export type NoticeTurn = { readonly kind: "tell"; readonly id: string } | ({ readonly kind: "done" } & NoticeOutcome);

export interface NoticesOnce {
  /**
   * Whose turn it is, for a notice of this text to this user; `id` for one that nobody has begun. Throws ChatError `conflict`
   * where the key was given to another text, `unavailable` while Redis is away or another caller is about to tell it.
   */
  begin(user: string, key: string, text: NoticeText, id: string): Promise<NoticeTurn>;
  /** Throws ChatError `unavailable`. */
  end(user: string, key: string, text: NoticeText, outcome: NoticeOutcome): Promise<void>;
}

interface Held {
  readonly id: string;
  readonly content: string;
  readonly sessions?: number;
  /** When it was begun, by the clock of the api that did. */
  readonly atMs: number;
}

/** Longer than any telling takes: after it, whoever began it has died, or was told that its outcome is unknown. */
const UNDER_WAY_MS = 5_000;

export function createNoticesOnce(
  connection: RedisConnection,
  keys: Keys,
  nowMs: () => number = Date.now,
): NoticesOnce {
  return {
    async begin(user, key, text, id) {
      const name = keys.notice(key, user);
      const content = contentOf(user, key, text);
      const own = JSON.stringify({ id, content, atMs: nowMs() } satisfies Held);
      const before = await answered(connection, () => connection.set(name, own, "PX", ONCE_MS, "NX", "GET"));
      const held = before === null ? undefined : readHeld(before);
      if (held === undefined) return { kind: "tell", id };
      if (held.content !== content) throw new ChatError("conflict", "this key was used before for another notice");
      if (held.sessions !== undefined) return { kind: "done", id: held.id, sessions: held.sessions };
      const leftMs = held.atMs + UNDER_WAY_MS - nowMs();
      if (leftMs <= 0) return { kind: "tell", id: held.id };
      throw new ChatError("unavailable", "a notice with this key is being told", { retryAfterMs: leftMs });
    },
    async end(user, key, text, outcome) {
      const held: Held = { ...outcome, content: contentOf(user, key, text), atMs: nowMs() };
      await answered(connection, () => connection.set(keys.notice(key, user), JSON.stringify(held), "PX", ONCE_MS));
    },
  };
}

/** Salted with what names it, so that equal texts are not seen to be equal in Redis. */
function contentOf(user: string, key: string, { body, meta }: NoticeText): string {
  const sorted = Object.entries(meta ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return hash("sha1", JSON.stringify([user, key, body, sorted]), "base64url");
}

function readHeld(text: string): Held {
  const value: Partial<Held> = Object(JSON.parse(text));
  const { id, content, sessions, atMs } = value;
  if (typeof id !== "string" || typeof content !== "string" || typeof atMs !== "number") {
    throw new Error("a notice's key holds something else");
  }
  return typeof sessions === "number" ? { id, content, sessions, atMs } : { id, content, atMs };
}
