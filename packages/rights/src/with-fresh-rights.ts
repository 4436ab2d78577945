// Acting by a grant whose version fences the act: whoever carries it out asks for a fresh one when the version proves to be
// no longer in force. Commands and routes hand it the act; it knows nothing of what is done.
import type { Asked, Rights } from "./rights.ts";

/** By which version of a channel's rights an act was judged, and how to have it judged again. */
export interface RightsFence {
  readonly rightsVersion: number;
  /** The version now in force, by which the act is still allowed. Rejects with the refusal to tell where it is not. */
  freshRights(this: void): Promise<number>;
}

/** The act's outcome; where the grant is remembered, the act begins in the same turn. Throws what the rights and the act throw. */
export function withFreshRights<Outcome>(
  rights: Pick<Rights, "cached" | "fresh">,
  asked: Asked,
  act: (fence: RightsFence) => Promise<Outcome>,
): Promise<Outcome> {
  const freshRights = async (): Promise<number> => (await rights.fresh(asked)).version;
  const begin = (rightsVersion: number): Promise<Outcome> => act({ rightsVersion, freshRights });
  const cached = rights.cached(asked);
  return cached instanceof Promise ? cached.then(({ version }) => begin(version)) : begin(cached.version);
}
