// Acting by a grant whose version fences the act: what proves stale is done once more by a fresh one. Commands and routes
// hand it the act; it knows nothing of what is done, only whether that was judged by rights of before.
import { ChatError } from "@rookery/protocol";
import type { Grant } from "./grant.ts";
import type { Asked, Rights } from "./rights.ts";

/** An act that did nothing, since the rights had changed. */
interface Stale {
  readonly kind: "stale";
}

/**
 * The act's outcome, which is never stale; where the grant is remembered, the act begins in the same turn. Throws what the
 * rights and the act throw, and ChatError `unavailable` when the rights changed again meanwhile: then nothing was done.
 */
export async function withFreshRights<Outcome extends { readonly kind: string }>(
  rights: Pick<Rights, "cached" | "fresh">,
  asked: Asked,
  act: (grant: Grant) => Promise<Outcome>,
): Promise<Exclude<Outcome, Stale>> {
  const cached = rights.cached(asked);
  const first = await act(cached instanceof Promise ? await cached : cached);
  if (isDone(first)) return first;
  const second = await act(await rights.fresh(asked));
  if (isDone(second)) return second;
  throw new ChatError("unavailable", "the channel's rights are changing", { channel: asked.channel });
}

function isDone<Outcome extends { readonly kind: string }>(outcome: Outcome): outcome is Exclude<Outcome, Stale> {
  return outcome.kind !== "stale";
}
