// An upgrade from the build before to this one and a roll-back, process by process under people who chat: what an older schema
// and a newer process make of each other, what stands side by side, what is held. In the order of the runbook, each test going
// on from where the one before it ended.
import { startPostgres, startRedis } from "@rookery/servers";
import { eventually } from "@rookery/testkit";
import type { ChatClient } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { expectPromisesKept, startTalk } from "../talk.ts";
import type { Talk } from "../talk.ts";
import { freePort } from "./free-port.ts";
import { previousBuild, THIS_BUILD } from "./previous-build.ts";
import type { Build } from "./previous-build.ts";
import { createServices } from "./service-processes.ts";
import type { ServiceProcess, Services } from "./service-processes.ts";

const CLIENTS = 12;
const CHANNELS = 3;
const EDGES = 2;
const PACE_MS = 100;
const FLOW_MS = 30_000;
const SET = {
  // What was added to these since is unknown to the build before, which refuses to start with it.
  ROOKERY_SENDS_PER_SEC: "10000",
  ROOKERY_SEND_BURST: "10000",
  ROOKERY_COMMANDS_PER_SEC: "10000",
  ROOKERY_COMMAND_BURST: "10000",
  ROOKERY_DRAIN_MS: "1000",
  ROOKERY_BALANCER_WAIT_MS: "0",
  ROOKERY_CONNECTS_PER_SEC: "1000",
};
/** Of the first of the crowd's channels, in which everything newer is said too. */
const CHANNEL = "upgraded-0";
const HELD = "rookery_persister_held_partitions";
const before = previousBuild();

describe.skipIf(before === undefined)("from the build before to this one, and back", () => {
  const older = before ?? THIS_BUILD;
  let services: Services;
  const running = new Map<string, ServiceProcess>();
  /** Who chats all the time, half of them at each edge. */
  const crowd: ChatClient[] = [];
  /** Who comes for a test. */
  const guests: ChatClient[] = [];
  let talk: Talk;
  /** Of the crowd: who is to say nothing for now, and who has come to rest. */
  const asked = new Set<ChatClient>();
  const atRest = new Set<ChatClient>();

  beforeAll(async () => {
    const redis = await startRedis();
    afterAll(redis.stop);
    const postgres = await startPostgres({ ephemeral: true });
    afterAll(postgres.stop);
    services = createServices({ redisUrl: redis.url, postgresUrl: postgres.url, set: SET });
    afterAll(services.stop);
    services.rookery(older, "migrate", "up");
    await Promise.all(["persister-1", "api-1", "edge-1", "edge-2"].map((name) => run(name, older)));
    for (let n = 0; n < CLIENTS; n += 1) crowd.push(await services.client(`user-${n}`, edgeOf(n)));
    afterAll(async () => void (await Promise.all([...crowd, ...guests].map((client) => client.close()))));
    await Promise.all(crowd.map((client, n) => client.join(channelOf(n))));
    talk = startTalk(
      crowd.map((client, n) => ({ client, channel: channelOf(n), before: () => turnOf(client) })),
      { paceMs: PACE_MS },
    );
    await flowing();
  });

  it("a newer persister that comes before its migrations is not ready, buries nothing, and drains once they are there", async () => {
    await persistersEnd();
    const port = await freePort();
    const starting = run("persister-1", THIS_BUILD, { ROOKERY_INTERNAL_PORT: String(port) });
    await eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz?verbose`);
      expect(await answer.text()).toMatch(/^\{"ready":false.*0009-changes.*run `rookery migrate up`/);
    });
    expect(() => services.rookery(THIS_BUILD, "migrate", "verify")).toThrow(/pending {2}0009-changes/);
    expect(services.rookery(THIS_BUILD, "migrate", "up")).toMatch(/^applied 0009-changes/);
    const persister = await starting;
    await saved();
    const metrics = await persister.metrics();
    expect(metrics.get("rookery_persister_dead_letters_total")).toBe(0);
    expect(await persister.readiness()).toMatch(/^\{"ready":true/);
  });

  it("processes of the build before serve, and start, on the newer schema", async () => {
    await persistersEnd();
    await run("persister-1", older);
    await replace("edge-1", older);
    await settled();
    await flowing();
    await saved();
    expect(services.rookery(older, "migrate", "up")).toBe("nothing to apply\n");
    expect(() => services.rookery(older, "migrate", "verify")).toThrow(/unknown {2}0009-changes/);
  });

  it("persisters, api and one edge of this build beside an edge of the build before: who is there gets every newer frame, in order", async () => {
    await replace("persister-1", THIS_BUILD);
    await replace("api-1", THIS_BUILD);
    await replace("edge-1", THIS_BUILD);
    await settled();
    const ann = await guest("ann", "edge-1");
    const bob = await guest("bob", "edge-2");
    const kept = (await bob.send(CHANNEL, "to be reacted to")).id ?? "";
    const gone = (await ann.send(CHANNEL, "to be deleted")).id ?? "";
    const changes = [
      await ann.change({ type: "edit", channel: CHANNEL, id: gone, body: "edited" }),
      await ann.change({ type: "react", channel: CHANNEL, id: kept, emoji: "👍", on: true }),
      await ann.change({ type: "delete", channel: CHANNEL, id: gone }),
      await ann.request({ type: "typing", channel: CHANNEL, on: true }),
      await ann.request({ type: "members", channel: CHANNEL }),
      await ann.request({ type: "read", channel: CHANNEL, ...bob.channel(CHANNEL).cursor }),
    ];
    expect(changes.map(({ type }) => type)).toEqual(changes.map(() => "ok"));
    for (const type of ["edited", "reaction", "deleted"])
      expect(await bob.waitFor((frame) => frame.type === type)).toMatchObject({ user: "ann", channel: CHANNEL });
    expect(await bob.request({ type: "edit", channel: CHANNEL, id: kept, body: "no" })).toMatchObject({
      code: "unknown_type",
    });
    await flowing();
    await saved();
  });

  it("a cursor of one build goes on at an edge of the other, both ways", async () => {
    const [ann, bob] = [found("ann"), found("bob")];
    for (const client of [ann, bob]) {
      const was = client.welcome()["node"];
      client.kill();
      await eventually(() => expect(client.welcome()["node"]).not.toBe(was));
      await client.ready();
      expect(client.history.events.findLast(({ kind }) => kind === "start")).toMatchObject({ recovered: true });
    }
    await flowing();
    expect([...ann.problems(), ...bob.problems()]).toEqual([]);
  });

  it("a repeat of what the older edge took is answered by its first outcome at the newer one", async () => {
    const [ann, bob] = [found("ann"), found("bob")];
    await moved(ann, "edge-2");
    const first = await ann.send(CHANNEL, "sent twice", "repeated");
    await moved(ann, "edge-1");
    const { epoch, seq, id } = first;
    expect(await ann.send(CHANNEL, "sent twice", "repeated")).toMatchObject({
      type: "ok",
      epoch,
      seq,
      id,
      duplicate: true,
    });
    expect(bob.frames.filter(({ type, clientId }) => type === "message" && clientId === "repeated")).toHaveLength(1);
  });

  it("a ban is in force on the newer edge, and its receipt names the older one", async () => {
    const eve = await guest("eve", "edge-1");
    const answer = await fetch(`${running.get("api-1")?.http ?? ""}/v1/channels/${CHANNEL}/bans/eve`, {
      method: "PUT",
      headers: { authorization: `Bearer ${services.apiKey}`, "content-type": "application/json" },
      body: "{}",
    });
    const missing = [expect.stringMatching(/^edge-2\./)];
    expect(JSON.parse(await answer.text())).toMatchObject({
      receipt: { nodes: { confirmed: 1, expected: 2, missing } },
    });
    await eve.waitFor((frame) => frame.type === "removed");
    expect(await eve.send(CHANNEL, "still here")).toMatchObject({ type: "error" });
  });

  it("an older persister holds the partition of what it does not know, drains the others, and a newer one takes that up", async () => {
    const hal = await services.client("hal", "edge-1");
    onTestFinished(() => hal.close());
    const channel = "held";
    await hal.join(channel);
    const { id = "" } = await hal.send(channel, "to be edited");
    await eventually(async () => expect(await services.rows(channel)).toHaveLength(1));
    await persistersEnd();
    const persister = await run("persister-1", older);
    expect(await hal.change({ type: "edit", channel, id, body: "edited" })).toMatchObject({ type: "ok" });
    await eventually(async () => expect(await persister.readiness()).toContain(String.raw`(\"edited\") in`));
    expect((await persister.metrics()).get(HELD)).toBeGreaterThan(0);
    expect((await hal.send(channel, "behind it")).type).toBe("ok");
    await saved();
    expect((await services.rows(channel)).map(({ type }) => type)).toEqual(["message"]);
    await replace("persister-1", THIS_BUILD);
    await eventually(async () =>
      expect((await services.rows(channel)).map(({ type }) => type)).toEqual(["message", "edited", "message"]),
    );
  });

  it("the last edge follows, and all is of this build", async () => {
    await replace("edge-2", THIS_BUILD);
    await settled();
    await flowing();
    await saved();
    const edge = running.get("edge-2");
    expect((await edge?.metrics())?.get("rookery_edge_connections")).toBeGreaterThanOrEqual(CLIENTS / EDGES);
  });

  it("rolled back, edges and api first and persisters once the outbox is empty, nothing is held, lost or there twice", async () => {
    await rollBack("edge-2");
    await rollBack("edge-1");
    await replace("api-1", older);
    await flowing();
    await saved();
    await replace("persister-1", older);
    await settled();
    await flowing();
    await saved();
    expect((await running.get("persister-1")?.metrics())?.get(HELD)).toBe(0);
    await talk.end();
    expect(talk.said.flatMap(({ reply }) => (reply?.type === "ok" ? [] : [reply]))).toEqual([]);
    await expectPromisesKept({
      cluster: services,
      talk,
      clients: [...crowd, ...guests],
      stayed: crowd,
      withinMs: 30_000,
    });
  });

  it("a setting of this build stops a process of the build before, by 78 and its name", async () => {
    const { code, log } = await services.runToEnd("edge-3", older, { ROOKERY_MEMORY_BYTES: "1000000000" });
    expect(code).toBe(78);
    expect(log.join("\n")).toContain("ROOKERY_MEMORY_BYTES");
  });

  async function run(name: string, build: Build, set?: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const started = await services.start(name, build, set);
    running.set(name, started);
    return started;
  }

  async function replace(name: string, build: Build): Promise<void> {
    expect(await running.get(name)?.drain(), `the exit code of ${name}`).toBe(0);
    await run(name, build);
  }

  /**
   * Those of the edge wait for the answers to what they have said: a repeat of what a newer edge took is a conflict at an
   * edge of the build before, which hashes contents by another recipe.
   */
  async function rollBack(edge: string): Promise<void> {
    for (const client of crowd) if (isAt(client, edge)) asked.add(client);
    await eventually(() => expect(atRest).toEqual(asked));
    await replace(edge, older);
    asked.clear();
  }

  async function turnOf(client: ChatClient): Promise<void> {
    await client.ready();
    if (!asked.has(client)) return;
    atRest.add(client);
    await eventually(() => !asked.has(client), { withinMs: FLOW_MS });
    atRest.delete(client);
    await client.ready();
  }

  async function persistersEnd(): Promise<void> {
    expect(await running.get("persister-1")?.drain()).toBe(0);
  }

  async function guest(user: string, edge: string): Promise<ChatClient> {
    const client = await services.client(user, edge);
    guests.push(client);
    await client.join(CHANNEL);
    return client;
  }

  function found(user: string): ChatClient {
    const client = guests.find((each) => each.user === user);
    if (client === undefined) throw new Error(`${user} has not come yet`);
    return client;
  }

  /** Each of the crowd at its own edge, whichever took it in meanwhile. */
  async function settled(): Promise<void> {
    await Promise.all(crowd.map((client, n) => moved(client, edgeOf(n))));
  }

  /** Everybody is back and has said something more. */
  async function flowing(): Promise<void> {
    await Promise.all(crowd.map((client) => client.ready()));
    const from = talk.acknowledged();
    await eventually(() => talk.acknowledged() > from + 2 * CLIENTS, { withinMs: FLOW_MS, what: "a talk in flow" });
  }

  /** What was said after this began is answered `persisted`, to each of the crowd. */
  async function saved(): Promise<void> {
    await Promise.all(
      crowd.map(async (client, n) => {
        const from = client.frames.length;
        const { seq = 0 } = await client.waitFor(({ type, user }) => type === "message" && user === client.user, {
          from,
        });
        await client.waitFor(
          (frame) => frame.type === "persisted" && frame.channel === channelOf(n) && (frame.seq ?? 0) >= seq,
          { from },
        );
      }),
    );
  }
});

const channelOf = (n: number): string => `upgraded-${n % CHANNELS}`;
const edgeOf = (n: number): string => `edge-${(n % EDGES) + 1}`;
const isAt = (client: ChatClient, edge: string): boolean => String(client.welcome()["node"]).startsWith(`${edge}.`);

async function moved(client: ChatClient, edge: string): Promise<void> {
  while (!isAt(client, edge)) {
    const session = client.session();
    client.kill();
    await eventually(() => client.session() > session);
    await client.ready();
  }
}
