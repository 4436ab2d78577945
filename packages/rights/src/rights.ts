// The one hop that asks whether somebody may do a thing in a channel. Commands of the edge and routes of the api call it
// with the right they need and get a grant or a refusal. Until members are stored, everybody who has a valid token is a
// member of every public channel; the version that travels with a grant already fences an act against a change of rights.
import { ChatError } from "@rookery/protocol";
import { findChannels } from "./find-channels.ts";
import type { ChannelStore, Finding, Seeker } from "./find-channels.ts";
import { grantOf } from "./grant.ts";
import type { Grant } from "./grant.ts";
import { createGrantCache } from "./grant-cache.ts";

export interface Asked extends Seeker {
  readonly channel: string;
}

/** Refuses with ChatError `not_found`, with the channel, or `unavailable`. A channel that exists is remembered. */
export interface Rights {
  /** The grant that is remembered, in the same turn; where there is none, one that is read. */
  cached(asked: Asked): Grant | Promise<Grant>;
  /** Read now: of a channel that is remembered its version only. */
  fresh(asked: Asked): Promise<Grant>;
  /** As `cached` of several channels, in order, each by itself; those unknown are found in two statements at most. */
  cachedAll(seeker: Seeker, channels: readonly string[]): Promise<readonly (Grant | Error)[]>;
  /** Changes in this partition may have been missed: what is remembered of its channels is read again when it is asked for. */
  doubt(this: void, partition: number): void;
}

export interface RightsOptions {
  readonly channels: ChannelStore;
  /** Of a channel's rights, 0 when they never changed; rejects with ChatError `unavailable`. */
  readonly version: (channel: string) => Promise<number>;
  /** Where its rights change. */
  readonly partitionOf: (channel: string) => number;
  /** Whether a channel comes into being with its first user. */
  readonly autoCreate: boolean;
  /** How many channels are remembered; the others are asked for again. */
  readonly maxChannels?: number;
}

const MAX_CHANNELS = 50_000;

export function createRights({
  channels: store,
  version,
  partitionOf,
  autoCreate,
  maxChannels = MAX_CHANNELS,
}: RightsOptions): Rights {
  const cache = createGrantCache(maxChannels, partitionOf);

  const read = async (channel: string): Promise<Grant> => grantOf("member", await version(channel));

  const readExisting = async (channel: string): Promise<Grant> => {
    const doubts = cache.doubts(channel);
    const grant = await read(channel);
    cache.set(channel, grant, doubts);
    return grant;
  };

  /** An empty channel is not remembered: its first writer is the one to make it. */
  const readFound: { readonly [F in Finding]: (channel: string) => Promise<Grant> } = {
    exists: readExisting,
    empty: read,
    absent: (channel) => Promise.reject(new ChatError("not_found", "no such channel", { channel })),
  };

  const readNow = async (asked: Asked): Promise<Grant> => {
    if (cache.knows(asked.channel)) return readExisting(asked.channel);
    const [finding = "absent"] = await findChannels(store, autoCreate, asked, [asked.channel]);
    return readFound[finding](asked.channel);
  };

  return {
    cached: (asked) => cache.current(asked.channel) ?? readNow(asked),
    fresh: readNow,
    async cachedAll(seeker, channels) {
      const unknown = channels.filter((channel) => !cache.knows(channel));
      const findings = await findChannels(store, autoCreate, seeker, unknown).catch(asError);
      const found = new Map(unknown.map((channel, n) => [channel, findings instanceof Error ? findings : findings[n]]));
      return Promise.all(
        channels.map(async (channel) => {
          // One that was remembered a moment ago exists, even if it had to make room meanwhile.
          const finding = found.get(channel) ?? "exists";
          return (
            cache.current(channel) ?? (finding instanceof Error ? finding : readFound[finding](channel).catch(asError))
          );
        }),
      );
    },
    doubt: cache.doubt,
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("a store failed without a reason", { cause: error });
}
