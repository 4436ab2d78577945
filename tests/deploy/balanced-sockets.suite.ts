// What becomes of open sockets behind a shipped balancer, whichever it is: silent ones, ones that are cut and come back, and those of
// an edge that dies. Nobody is kept to an edge.
import { eventually } from "@rookery/testkit";
import type { ChatClient } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { openWelcomed } from "../raw-socket.ts";
import { closesOf, expectPromisesKept, startTalk } from "../talk.ts";
import { edgeOf, EDGES } from "./balancer-scene.ts";
import type { Scene } from "./balancer-scene.ts";

const SPEAKERS = 40;
const CHANNELS = 8;
const RECONNECTS = 5;
/** Opened so that one edge has more than the other. */
const WEIGHTS = 8;
/** More of them than heartbeats fit into the silence that a balancer allows: without them it would have ended by then. */
const PINGS = 5;

export function itKeepsSockets(scene: Scene): void {
  itKeepsSilentOnes(scene);
  itKeepsNobodyToAnEdge(scene);
  itSurvivesAnEdge(scene);
}

function itKeepsSilentOnes({ cluster, url, ca, connected }: Scene): void {
  it("a socket that nobody writes to is kept by the heartbeats alone, and still gets its message", async () => {
    const silent = await openWelcomed(url(), cluster().token("silent"), { ca });
    onTestFinished(silent.cut);
    silent.send(JSON.stringify({ type: "join", ref: "join", channel: "quiet" }));
    await silent.waitFor(({ ref }) => ref === "join");
    await eventually(() => silent.pings() >= PINGS, { withinMs: 30_000, what: "heartbeats" });
    const speaker = await connected("speaker");
    await speaker.join("quiet");
    const { id } = await speaker.send("quiet", "are you there?");
    expect(await silent.waitFor(({ type }) => type === "message")).toMatchObject({ id, body: "are you there?" });
  });
}

function itKeepsNobodyToAnEdge({ cluster, url, connected }: Scene): void {
  /** Until it is let go, this edge has more sockets than the other, to which a balancer then leads whoever comes. */
  const weighDown = async (edge: string): Promise<() => Promise<unknown>> => {
    const weights = await Promise.all(Array.from({ length: WEIGHTS }, (_, n) => connected(`weight-${n}`)));
    const other = EDGES.find((each) => each !== edge) ?? "";
    await Promise.all(weights.filter((each) => edgeOf(each) === other).map((each) => each.close()));
    await eventually(
      async () => expect((await cluster().metrics(other)).get("rookery_edge_connections")).toBeLessThanOrEqual(1),
      { what: `${other} with one socket at most` },
    );
    expect((await cluster().metrics(edge)).get("rookery_edge_connections")).toBeGreaterThan(2);
    return () => Promise.all(weights.map((each) => each.close()));
  };

  it("each time a client comes back it meets another edge, which goes on from its position: nothing is lost or twice", async () => {
    const reconnecting = { urls: [url()], firstDelayMs: 50, maxDelayMs: 100, stableAfterMs: 0 };
    const wanderer = await connected("wanderer", { reconnecting });
    const speaker = await connected("speaker");
    const clients = [wanderer, speaker];
    await Promise.all(clients.map((client) => client.join("road")));
    const talk = startTalk(
      clients.map((client) => ({ client, channel: "road", before: () => client.ready() })),
      { paceMs: 5 },
    );
    const edges = [edgeOf(wanderer)];
    while (edges.length <= RECONNECTS) {
      const letGo = await weighDown(edgeOf(wanderer));
      await cutAndAwait(wanderer);
      edges.push(edgeOf(wanderer));
      await letGo();
    }
    await talk.end();

    expect(wanderer.session()).toBe(RECONNECTS + 1);
    expect(edges.filter((edge, n) => edge === edges[n - 1])).toEqual([]);
    await expectPromisesKept({ cluster: cluster(), talk, clients });
    const starts = wanderer.history.events.flatMap((event) => (event.kind === "start" ? [event] : []));
    expect(starts.map(({ recovered }) => recovered)).toEqual([false, ...Array(RECONNECTS).fill(true)]);
  });
}

function itSurvivesAnEdge({ cluster, url, connected }: Scene): void {
  it("an edge that is killed costs nobody a message: all go on at the other one, and come back to it", async () => {
    const clients = await Promise.all(
      Array.from({ length: SPEAKERS }, (_, n) => connected(`speaker-${n}`, { reconnecting: { urls: [url()] } })),
    );
    const speakers = clients.map((client, n) => ({ client, channel: `talk-${n % CHANNELS}` }));
    await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
    const talk = startTalk(
      speakers.map((each) => ({ ...each, before: () => each.client.ready() })),
      { paceMs: 50 },
    );
    await eventually(() => talk.acknowledged() > 3 * SPEAKERS, { withinMs: 30_000, what: "a talk in full flow" });
    const returned = cluster().restarted("edge-1", 30_000);
    cluster().kill("edge-1");
    await returned;
    await Promise.all(clients.map((client) => client.ready()));
    const before = talk.acknowledged();
    await eventually(() => talk.acknowledged() > before + 3 * SPEAKERS, {
      withinMs: 30_000,
      what: "talk afterwards",
    });
    await talk.end();
    await expectPromisesKept({ cluster: cluster(), talk, clients, withinMs: 30_000 });
    expect(clients.flatMap(closesOf).filter((code) => code !== 1006)).toEqual([]);
    expect(clients.filter((client) => client.session() > 1).length).toBeGreaterThan(SPEAKERS / 4);
  });
}

/** Cuts the connection; resolves once the next one is resumed. */
async function cutAndAwait(client: ChatClient): Promise<void> {
  const before = client.session();
  client.kill();
  await eventually(() => client.session() > before, { what: "the next connection" });
  await client.ready();
}
