// Who is present, as the cluster has it: asked by edges and the api. Reads only.
import { MODES } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import type { PresenceReader, PresentPage } from "./presence.ts";
import { readSession } from "./session-record.ts";

export interface PresenceReaderOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
}

export function createPresenceReader({ connection, keys }: PresenceReaderOptions): PresenceReader {
  /** One more than is asked for tells whether there are more. */
  async function list(channel: string, after: string, limit: number): Promise<PresentPage> {
    const { here, who, crowd } = keys.channel(channel);
    const most = limit === 0 ? 0 : limit + 1;
    const reply = await answered(connection, () => connection.rookeryListPresent(here, who, crowd, after, most));
    if (!Array.isArray(reply)) throw new Error("the presence script answered oddly");
    const [online, mode, ...held] = reply.map(textOf);
    const members = [];
    for (let at = 0; at + 1 < held.length; at += 2)
      members.push({ user: held[at] ?? "", ...readHeld(held[at + 1] ?? "") });
    const whole = { crowd: { online: Number(online), mode: modeOf(mode) }, members: members.slice(0, limit) };
    const last = whole.members.at(-1);
    return members.length > limit && last !== undefined ? { ...whole, cursor: last.user } : whole;
  }

  return {
    page: (channel, after, limit) => list(channel, after ?? "", limit),
    crowd: async (channel) => (await list(channel, "", 0)).crowd,
    async isPresent(channel, user) {
      return (await answered(connection, () => connection.hexists(keys.channel(channel).here, user))) === 1;
    },
    async sessionsOf(user) {
      const held = await answered(connection, () => connection.hgetall(keys.user(user).sessions));
      return Object.entries(held).flatMap(([session, record]) => readSession(session, record) ?? []);
    },
  };
}

/** Numbers come as such. */
function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function modeOf(index: string | undefined): Mode {
  return (index === "" ? undefined : MODES[Number(index)]) ?? "full";
}

/** Of `<connections>|<name>`. */
function readHeld(held: string): { readonly name: string; readonly connections: number } {
  const bar = held.indexOf("|");
  return { name: held.slice(bar + 1), connections: Number(held.slice(0, Math.max(bar, 0))) };
}
