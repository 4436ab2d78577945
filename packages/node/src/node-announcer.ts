// What edge and api announce changes of rights by. An announcement may begin an epoch of the outbox, so the floors are read
// from Postgres like for a publication.
import { createAnnouncer } from "@rookery/broker";
import type { Announcer } from "@rookery/broker";
import type { Stores } from "./stores.ts";

/** `trouble`: why nothing may be numbered in this Redis yet, or undefined. */
export function createNodeAnnouncer(
  { commands, keys, floors, floorReader }: Stores,
  trouble: () => string | undefined,
): Announcer {
  return createAnnouncer({ connection: commands, keys, floors, readFloors: () => floorReader.read(), trouble });
}
