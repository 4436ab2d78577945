// What a backend may do in a channel: everything its scope allows, in every channel that is there, whoever it speaks for. Asked
// before it reads or publishes; the version that is answered fences the publication, like a user's grant.
// Reads Redis first and then Postgres, like everybody; there is nothing to hide from a backend.
import type { AccessStore } from "@rookery/broker";
import { ChatError, DIRECT_PREFIX } from "@rookery/protocol";
import type { Channels, Standings } from "@rookery/store";

export interface BackendRights {
  /** Version of the channel's rights; 0 of one that nobody has made yet and anybody may. Throws as `toWrite` does. */
  toRead(this: void, channel: string): Promise<number>;
  /** The same; one that makes itself is made, with `owner`. Throws ChatError `not_found` with the channel, or `unavailable`. */
  toWrite(this: void, channel: string, owner: string): Promise<number>;
}

export interface BackendRightsOptions {
  readonly access: AccessStore;
  readonly standings: Standings;
  readonly channels: Pick<Channels, "ensurePublic">;
  /** Whether a channel comes into being with its first user. */
  readonly autoCreate: boolean;
}

export function createBackendRights({ access, standings, channels, autoCreate }: BackendRightsOptions): BackendRights {
  /** Undefined of one that was never made. */
  async function version(channel: string): Promise<number | undefined> {
    const wishes = [{ channel, users: [] }];
    const [held] = await access.read(wishes);
    const known = held ?? (await standings.read(wishes)).get(channel);
    // Nobody waits for it: what Redis does not take is asked of Postgres again.
    if (held === undefined && known !== undefined) access.fill(channel, known).catch(() => undefined);
    if (known?.record.deleted === true) throw absent(channel);
    return known?.record.version;
  }

  const makesItself = (channel: string): boolean => autoCreate && !channel.startsWith(DIRECT_PREFIX);

  return {
    async toRead(channel) {
      const found = await version(channel);
      if (found === undefined && !makesItself(channel)) throw absent(channel);
      return found ?? 0;
    },
    async toWrite(channel, owner) {
      const found = await version(channel);
      if (found !== undefined) return found;
      if (!makesItself(channel)) throw absent(channel);
      await channels.ensurePublic([channel], owner);
      return (await version(channel)) ?? 0;
    },
  };
}

function absent(channel: string): ChatError {
  return new ChatError("not_found", "no such channel", { channel });
}
