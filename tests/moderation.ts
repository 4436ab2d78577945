// Owns what tests of rights change: channels, roles, bans and mutes, committed by the acts of the store and announced by the
// broker as an api does it, in the stores of a cluster that runs. Called by tests that look at what edges make of it.
import {
  connectRedis,
  createAnnouncer,
  createEpochFloors,
  createKeys,
  createPartitions,
  whenReady,
} from "@rookery/broker";
import type { EntryId } from "@rookery/broker";
import type { ChannelKind, Role } from "@rookery/protocol";
import { connectStore, createAnnouncements, createChannelActs } from "@rookery/store";
import type { ChannelAct, ChannelActs, ChannelGiven, ChannelOutcome, SanctionGiven } from "@rookery/store";
import type { Cluster } from "@rookery/testkit";
import { afterAll } from "vitest";

const PARTITIONS = 64;
const KEY = { kind: "key", name: "test" } as const;
export const FOR_GOOD: SanctionGiven = { untilMs: null, reason: null };

export interface Moderation {
  create(kind: Exclude<ChannelKind, "direct">, channel: string, owner: string, given?: ChannelGiven): Promise<void>;
  /** Commits the act and announces it; its number, undefined where nothing had to change. */
  tell(
    channel: string,
    act: (acts: ChannelActs, of: ChannelAct) => Promise<ChannelOutcome>,
  ): Promise<EntryId | undefined>;
  role(channel: string, user: string, role: Role | null): Promise<unknown>;
  ban(channel: string, user: string, ban: SanctionGiven | null): Promise<unknown>;
  mute(channel: string, user: string, mute: SanctionGiven | null): Promise<unknown>;
}

export async function moderationOf({ ready }: Pick<Cluster, "ready">): Promise<Moderation> {
  const store = connectStore({ url: ready.postgres, max: 2, application: "test", statementTimeoutMs: 5_000 });
  const connection = connectRedis({ url: ready.redis, use: "commands", commandTimeoutMs: 2_000 });
  afterAll(async () => {
    connection.disconnect();
    await store.close();
  });
  await whenReady(connection, 2_000);
  const partitions = createPartitions(PARTITIONS);
  const keys = createKeys(partitions);
  const readFloors = (): Promise<void> => Promise.resolve();
  const announcer = createAnnouncer({ connection, keys, floors: createEpochFloors(), readFloors });
  const announcements = createAnnouncements(store);
  const acts = createChannelActs(store);

  const tell: Moderation["tell"] = async (channel, act) => {
    const partition = partitions.of(channel);
    const outcome = await act(acts, { actor: KEY, channel, partition });
    if (outcome.kind === "refused") throw new Error(`${outcome.code}: ${outcome.message}`);
    if (outcome.kind === "unchanged") return undefined;
    const number = await announcer.announce(partition, outcome.change, outcome.audit);
    await announcements.done([outcome.announcement]);
    return number;
  };
  return {
    tell,
    async create(kind, channel, owner, given = {}) {
      await tell(channel, (all, of) => all.create({ ...of, wanted: { kind, owner, given } }));
    },
    role: (channel, user, role) => tell(channel, (all, of) => all.setRole({ ...of, user, role })),
    ban: (channel, user, ban) => tell(channel, (all, of) => all.ban({ ...of, user, ban })),
    mute: (channel, user, mute) => tell(channel, (all, of) => all.mute({ ...of, user, mute })),
  };
}
