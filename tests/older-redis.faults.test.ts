// A Redis that was killed and comes back with the end of its append-only file cut off, under a cluster in which people go on
// speaking: what Postgres has is there for everybody, and what nobody has any more is told.
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { TopologyServer } from "@rookery/servers";
import { eventually, startCluster, testTopology } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { HEALED, startFailoverScene, toldLost } from "./failover-scene.ts";
import { openWelcomed } from "./raw-socket.ts";

/** One for each cluster: a Redis belongs to one. */
const startRedis = () => testTopology({ kind: "single", args: { appendonly: "yes", appendfsync: "always" } });
const [redis, other] = await Promise.all([startRedis(), startRedis()]);

function appendOnlyFile({ dir }: TopologyServer): string {
  const folder = join(dir, "appendonlydir");
  const name = readdirSync(folder).find((each) => each.endsWith(".incr.aof"));
  if (name === undefined) throw new Error(`no append-only file in ${folder}`);
  return join(folder, name);
}

/** As after a power cut of a machine that had said the rest was written. */
async function loseSince(server: TopologyServer, bytes: number): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  await eventually(() => server.isOver);
  truncateSync(appendOnlyFile(server), bytes);
  await server.restart();
}

describe("a Redis whose append-only file was cut", () => {
  it("loses nothing that Postgres has, and tells of what nobody has", async () => {
    const [server] = redis.servers;
    if (server === undefined) throw new Error("no server");
    const scene = await startFailoverScene(redis.url);
    await scene.moreTalk(40);

    // Stored, and then lost in Redis: the same messages are found again, whoever was told that they were gone.
    const early = statSync(appendOnlyFile(server)).size;
    await scene.moreTalk(60);
    const stored = await scene.stored();
    await loseSince(server, early);
    scene.lost();
    await scene.moreTalk(40);
    await eventually(
      async () => (await scene.metric("raised_heads_total")) + (await scene.metric("raised_prevs_total")) > 0,
      { ...HEALED, what: "something was put right" },
    );

    // Acknowledged, but not stored: gone, and those who had it hear so.
    await scene.stored();
    scene.cluster.kill("persister-1", "SIGSTOP");
    const late = statSync(appendOnlyFile(server)).size;
    await scene.moreTalk(60);
    const told = toldLost(scene.clients);
    await loseSince(server, late);
    scene.cluster.kill("persister-1", "SIGCONT");
    await scene.moreTalk(40);

    const rows = await scene.judge();
    const ids = new Set(rows.map(({ id }) => id));
    expect(stored.filter((id) => !ids.has(id))).toEqual([]);
    expect(toldLost(scene.clients)).toBeGreaterThan(told);
  }, 120_000);

  it("keeps nothing from whoever comes in before that is put right: they are told of a gap, and find it filled later", async () => {
    const [server] = other.servers;
    if (server === undefined) throw new Error("no server");
    const cluster = await startCluster({ edges: 1, persisters: 1, redisUrl: other.url });
    const speaker = await cluster.client("speaker");
    const channel = "cut-off";
    await speaker.join(channel);
    const say = async (words: readonly string[]): Promise<Position> => {
      let at = ORIGIN;
      for (const word of words) {
        const { epoch = 0, seq = 0 } = await speaker.send(channel, word);
        at = { epoch, seq };
      }
      return at;
    };
    const isStored = (count: number) => eventually(async () => (await cluster.rows(channel)).length === count);
    const kept = await say(["one", "two", "three"]);
    await isStored(3);
    const early = statSync(appendOnlyFile(server)).size;
    const end = await say(["four", "five"]);
    await isStored(5);
    cluster.kill("persister-1", "SIGSTOP");
    await loseSince(server, early);

    const gap = { type: "gap", channel, from: { ...kept, seq: kept.seq + 1 }, to: end };
    const ask = async (user: string, frame: Record<string, unknown>) => {
      const socket = await openWelcomed(cluster.ready.ws[0] ?? "", cluster.token(user));
      onTestFinished(() => socket.cut());
      let tries = 0;
      const answer = await eventually(async () => {
        const ref = `in-${(tries += 1)}`;
        socket.send(JSON.stringify({ type: "join", ref, ...frame }));
        const said = await socket.waitFor((each) => each.ref === ref);
        expect(JSON.stringify(said)).not.toContain("unavailable");
        return said;
      }, HEALED);
      await socket.waitFor(({ type }) => type === "gap");
      return { answer, gaps: socket.frames.filter(({ type }) => type === "gap"), socket };
    };
    const resumed = await ask("resumed", { channel, after: kept });
    expect([resumed.answer.recovered, resumed.answer.seq, resumed.gaps]).toEqual([false, kept.seq, [gap]]);
    const several = await ask("several", { joins: [{ channel, after: kept }] });
    expect([several.answer.results?.[0]?.recovered, several.gaps]).toEqual([false, [gap]]);
    expect((await ask("fresh", { channel })).gaps).toEqual([gap]);

    cluster.kill("persister-1", "SIGCONT");
    let reads = 0;
    await eventually(async () => {
      const ref = `past-${(reads += 1)}`;
      resumed.socket.send(JSON.stringify({ type: "history", ref, channel, after: kept }));
      const page = await resumed.socket.waitFor((each) => each.ref === ref);
      return page.messages?.map(({ body }) => body).join() === "four,five";
    }, HEALED);
  }, 120_000);
});
