// Builds what lets people in by a channel's password from an edge's connections, and says by what their tries are counted.
// Called once by main.

import { createPasswords } from "@rookery/auth";
import { createAnnouncer, createTries } from "@rookery/broker";
import { hashAddress } from "@rookery/node";
import type { Stores } from "@rookery/node";
import type { Rights } from "@rookery/rights";
import { addressGroup, isLoopbackAddress } from "@rookery/runtime";
import type { Log } from "@rookery/runtime";
import { createAnnouncements, createChannelActs, createChannels } from "@rookery/store";
import { createAdmission } from "./admission.ts";
import type { Admission } from "./admission.ts";

export interface AdmissionParts {
  readonly stores: Pick<Stores, "commands" | "keys" | "partitions" | "store" | "floors" | "floorReader">;
  readonly rights: Pick<Rights, "fresh">;
  /** Why nothing may be numbered in this Redis yet, or undefined. */
  readonly trouble: (this: void) => string | undefined;
  readonly log: Pick<Log, "warn">;
}

/** Each takes tens of milliseconds of a thread: so many stay a small part of an edge, and the last waits a second or two. */
const PASSWORDS_AT_ONCE = 2;
const PASSWORDS_WAITING = 64;

export function buildAdmission({ stores, rights, trouble, log }: AdmissionParts): Admission {
  const { commands: connection, keys, partitions, store, floors, floorReader } = stores;
  return createAdmission({
    ...createTries({ connection, keys }),
    channels: createChannels(store),
    passwords: createPasswords({ concurrency: PASSWORDS_AT_ONCE, waiting: PASSWORDS_WAITING }),
    acts: createChannelActs(store),
    announcer: createAnnouncer({ connection, keys, floors, readFloors: () => floorReader.read(), trouble }),
    announcements: createAnnouncements(store),
    rights,
    partitionOf: partitions.of,
    fault: (err) => log.warn({ err }, "an admission that was announced is announced once more"),
  });
}

/** By what tries from an address are counted in the cluster: "" for a loopback that is free of limits, or while it has no id. */
export function createTriedAddress(loopbackExempt: boolean, cluster: () => string | undefined) {
  return (address: string): string =>
    loopbackExempt && isLoopbackAddress(address) ? "" : hashAddress(cluster(), addressGroup(address));
}
