// What the loss of a master must leave true where a replica takes over, on any topology that has replicas: two edges and a
// persister in safe mode, people who speak all the time, a checker that excuses no lost message. Run once a topology.
import { createKeys, createPartitions } from "@rookery/broker";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, TestTopology } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";
import type { Talk } from "./talk.ts";

export const PARTITIONS = 8;
export const keys = createKeys(createPartitions(PARTITIONS));
export const CHANNELS = Array.from({ length: 8 }, (_, n) => `lost-${n}`);
const CLIENTS = 4;
/** Of a new master, from its promotion on. */
export const RECOVERED_WITHIN_MS = 10_000;
const FROZEN_MS = 30_000;
const PACE_MS = 20;

export interface Scene {
  readonly talk: Talk;
  /** So many more were acknowledged in each channel. */
  moreEverywhere(this: void, count: number, withinMs?: number): Promise<void>;
}

export interface LostMaster {
  cluster(this: void): Cluster;
  /** Talks while `fault` happens, then judges all that was said. Nobody may lose a connection. */
  talkThrough(this: void, fault: (scene: Scene) => Promise<void>): Promise<Talk>;
}

/** A key of the channel's partition: who serves it serves the channel. */
export const keyOf = (channel: string): string => keys.channel(channel).head;

export const codesOf = ({ said }: Talk): Set<unknown> => new Set(said.map(({ reply }) => reply?.code ?? reply?.type));

export function testLostMaster(redis: TestTopology): LostMaster {
  const [channel = ""] = CHANNELS;
  const clients: ChatClient[] = [];
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({
      edges: 2,
      redisUrl: redis.url,
      set: { ...UNHURRIED, ROOKERY_PARTITIONS: String(PARTITIONS), ROOKERY_ACK: "safe" },
    });
    for (let n = 0; n < CLIENTS; n += 1) {
      const client = await cluster.client(`user-${n}`, { edge: n % 2 });
      clients.push(client);
      await Promise.all(CHANNELS.map((each) => client.join(each)));
    }
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster?.stop();
  });

  async function talkThrough(fault: (scene: Scene) => Promise<void>): Promise<Talk> {
    const speakers = clients.flatMap((client) => CHANNELS.map((each) => ({ client, channel: each })));
    const talk = startTalk(speakers, { paceMs: PACE_MS });
    const countIn = (name: string): number =>
      talk.said.filter((one) => one.channel === name && one.reply?.type === "ok").length;
    const moreEverywhere = async (count: number, withinMs = RECOVERED_WITHIN_MS): Promise<void> => {
      const before = new Map(CHANNELS.map((each) => [each, countIn(each)]));
      await eventually(() => CHANNELS.every((each) => countIn(each) >= (before.get(each) ?? 0) + count), {
        ...{ withinMs, what: `${count} more acknowledged in each channel` },
      });
    };
    await moreEverywhere(10);
    await fault({ talk, moreEverywhere });
    await moreEverywhere(10);
    await talk.end();
    await expectPromisesKept({ cluster, talk, clients, mode: "safe" });
    expect(clients.flatMap(closesOf)).toEqual([]);
    return talk;
  }

  const epochs = async (): Promise<number> => new Set((await cluster.rows(channel)).map(({ epoch }) => epoch)).size;

  it("a master stands still for 30 s, its successor is killed later: no ok is taken back, no word of the first believed", async () => {
    const before = await epochs();
    const talk = await talkThrough(async ({ moreEverywhere }) => {
      const frozenAtMs = performance.now();
      const { old: frozen } = await redis.failover(keyOf(channel), "frozen");
      await moreEverywhere(5);
      await eventually(() => performance.now() - frozenAtMs > FROZEN_MS, { withinMs: FROZEN_MS + 1_000 });
      process.kill(frozen.pid, "SIGCONT");
      await redis.settled();
      await moreEverywhere(5);
      const { old: killed } = await redis.failover(keyOf(channel), "killed");
      await moreEverywhere(5);
      await killed.restart();
    });
    expect(codesOf(talk)).toContain("unknown");
    expect(await epochs(), "masters that numbered").toBeGreaterThan(Math.max(before, 1) + 1);
  });

  return { cluster: () => cluster, talkThrough };
}
