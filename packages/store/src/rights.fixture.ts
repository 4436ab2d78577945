// Acts of tests, told shortly. Only tests use it.
import type { Actor, ChannelAct, ChannelActs, ChannelOutcome, MadeOutcome } from "./rights-changes.ts";

export const BACKEND: Actor = { kind: "key", name: "backend" };

export const by = (user: string): Actor => ({ kind: "user", user });

/** An act on a channel of partition 3, by a user or by the backend. */
export const act = (channel: string, actor: string | Actor = BACKEND): ChannelAct => ({
  actor: typeof actor === "string" ? by(actor) : actor,
  channel,
  partition: 3,
});

/** `done`, `unchanged`, or the code of the refusal with its words. */
export function told(outcome: ChannelOutcome | MadeOutcome): string {
  return outcome.kind === "refused" ? `${outcome.code}: ${outcome.message}` : outcome.kind;
}

/** A channel of this kind whose owner is `olga`, with a moderator `mo`, a member `mia` and a reader `rea`. */
export async function peopled(
  acts: ChannelActs,
  channel: string,
  kind: "public" | "private" | "password" = "private",
): Promise<void> {
  const given = kind === "password" ? { passwordHash: "hash-1" } : {};
  await acts.create({ ...act(channel), wanted: { kind, owner: "olga", given } });
  for (const [user, role] of [
    ["mo", "moderator"],
    ["mia", "member"],
    ["rea", "reader"],
  ] as const) {
    await acts.setRole({ ...act(channel, "olga"), user, role });
  }
}
