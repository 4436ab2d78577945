// Acting by a grant whose version fences the act: whoever carries it out asks for a fresh one when the version proves to be
// no longer in force. Commands and routes hand it the act; it knows nothing of what is done.
import type { Grant } from "./grant.ts";
import type { Asked, Rights } from "./rights.ts";

/** By which version of a channel's rights an act was judged, and how to have it judged again. */
export interface RightsFence {
  readonly rightsVersion: number;
  /** The version now in force, by which the act is still allowed. Rejects with the refusal to tell where it is not. */
  freshRights(this: void): Promise<number>;
}

/** Of an act that this grant allows. */
export function rightsFence(rights: Pick<Rights, "fresh">, asked: Asked, { version }: Grant): RightsFence {
  return { rightsVersion: version, freshRights: async () => (await rights.fresh(asked)).version };
}

/** The act's outcome; where the grant is remembered, the act begins in the same turn. Throws what the rights and the act throw. */
export function withFreshRights<Outcome>(
  rights: Pick<Rights, "cached" | "fresh">,
  asked: Asked,
  act: (fence: RightsFence) => Promise<Outcome>,
): Promise<Outcome> {
  const begin = (grant: Grant): Promise<Outcome> => act(rightsFence(rights, asked, grant));
  const cached = rights.cached(asked);
  return cached instanceof Promise ? cached.then(begin) : begin(cached);
}
