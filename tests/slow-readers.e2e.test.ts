// What becomes of a client that stops reading, on a real edge: nobody else notices, it stays connected, is told what it was not
// given, loses no answer and reads back without a hole; also when its connection is cut in the middle of that.
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";

const KIB = 1024;
const SMALL = { ROOKERY_SOFT_BUFFER_BYTES: String(32 * KIB), ROOKERY_HARD_BUFFER_BYTES: String(128 * KIB) };
/** As large as they may be: the kernel takes megabytes of a stopped reader before anything waits here. */
const BODY = "x".repeat(4000);
const FLOOD = "flood";
const SPEAKERS = 6;

let cluster: Cluster;
const clients: ChatClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({ edges: 1, set: { ...UNHURRIED, ...SMALL } });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
});

async function connect(user: string, channels: readonly string[], reconnecting = false): Promise<ChatClient> {
  const [url = ""] = cluster.ready.ws;
  const client = await cluster.client(user, reconnecting ? { reconnecting: { urls: [url], firstDelayMs: 20 } } : {});
  clients.push(client);
  for (const channel of channels) expect((await client.join(channel)).type).toBe("ok");
  return client;
}

const metric = async (series: string): Promise<number> => (await cluster.metrics("edge-1")).get(series) ?? Number.NaN;
const behind = (): Promise<number> => metric('rookery_edge_lane_sockets{lane="behind"}');

it("a reader that stops stays, misses nothing that it is not told of and no answer, and nobody else loses anything", async () => {
  const speakers = await Promise.all(Array.from({ length: SPEAKERS }, (_, n) => connect(`speaker-${n}`, [FLOOD])));
  const listeners = await Promise.all(["ann", "bob"].map((user) => connect(user, [FLOOD, "lobby"])));
  const sam = await connect("sam", [FLOOD, "lobby"]);
  const cut = await connect("cut", [FLOOD], true);
  for (const slow of [sam, cut]) slow.read(false);
  const talk = startTalk(
    speakers.map((client) => ({ client, channel: FLOOD })),
    { padding: BODY },
  );
  await eventually(async () => expect(await behind()).toBe(2), { withinMs: 60_000, what: "two readers behind" });
  const typed = await metric('rookery_edge_signals_shed_total{type="typing"}');
  await listeners[0]?.request({ type: "typing", channel: "lobby", on: true });
  await eventually(
    async () => expect(await metric('rookery_edge_signals_shed_total{type="typing"}')).toBeGreaterThan(typed),
    { what: "a signal that was shed" },
  );
  // It speaks on, joins and asks, and hears nothing yet.
  const sent = sam.send("lobby", "from behind", "from-behind");
  const asked = [sent, sam.join("attic"), sam.request({ type: "members", channel: "lobby" }), sam.readHistory("lobby")];
  const before = sam.frames.length;
  await eventually(() => expect(listeners[0]?.inOrder("lobby")).toHaveLength(1), { what: "what it said at others" });
  expect(sam.frames).toHaveLength(before);
  expect(sam.channel("attic").wanted).toBe(false);
  sam.read(true);
  // The connection ends just as the jump is told.
  const told = cut.waitFor(({ type }) => type === "gap", { withinMs: 30_000 });
  cut.read(true);
  await told;
  cut.kill();
  expect((await Promise.all(asked)).map(({ type }) => type)).toEqual(["ok", "ok", "ok", "ok"]);
  await sam.waitFor(({ type, channel }) => type === "gap" && channel === FLOOD, { withinMs: 30_000 });
  await sam.waitFor(({ type, channel }) => type === "presence" && channel === "lobby", { withinMs: 10_000 });
  await eventually(async () => expect(await behind()).toBe(0), { withinMs: 30_000, what: "nobody behind" });
  await talk.end();
  const said = [...talk.said, { client: sam, channel: "lobby", clientId: "from-behind", reply: await sent }];
  await expectPromisesKept({
    cluster,
    talk: { ...talk, said },
    clients: [...speakers, ...listeners, sam, cut],
    withinMs: 60_000,
  });
  expect([...speakers, ...listeners, sam].flatMap(closesOf), "connections that ended").toEqual([]);
  expect(closesOf(cut)).toEqual([1006]);
  expect(await metric("rookery_edge_slow_gaps_total")).toBeGreaterThanOrEqual(2);
}, 120_000);
