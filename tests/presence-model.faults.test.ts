// Presence through three real edges on a real Redis against a simple model: who is connected where, and in which channels. Users
// come and go with two devices each, sockets are cut, edges killed, frozen for longer than their lease, and drained.
// An observer on an edge that no fault meets is told of everybody in turns; once all is quiet every edge and every key of Redis
// says what the model says; and when everybody has left nothing is left of them.
import { testRedis } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { array, assert, asyncModelRun, asyncProperty } from "fast-check";
import { beforeAll, expect, inject, it } from "vitest";
import { CHANNELS, DEVICES, meeting, step, thaw, USERS } from "./presence-commands.ts";
import type { Command, Device, Model, Scene } from "./presence-commands.ts";
import {
  createEdges,
  EDGES,
  edgesCounted,
  insist,
  leftOfPresence,
  QUIET_WITHIN_MS,
  SAFE,
  startPresenceCluster,
  toldByRedis,
} from "./presence-scene.ts";
import type { Told } from "./presence-scene.ts";

const OBSERVER = "observer";
const PROBER = "prober";

const server = await testRedis();
let cluster: Cluster;
let edges: ReturnType<typeof createEdges>;
let played = 0;

beforeAll(async () => {
  cluster = await startPresenceCluster(server.url);
  edges = createEdges(cluster, server);
});

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Of each channel, at which edges a user is: one for each device. */
function expected(model: Model, channels: readonly string[]): Told {
  const told: Told = { here: {}, sums: {}, who: {}, sessions: { [OBSERVER]: edgesCounted([SAFE]) }, strays: [] };
  for (const [c, name] of channels.entries()) {
    const at = new Map<string, number[]>([[OBSERVER, [SAFE]]]);
    for (const [d, { edge: where, channels: joined }] of model.devices.entries())
      if (where !== undefined && joined.has(c)) at.set(DEVICES[d] ?? "", [...(at.get(DEVICES[d] ?? "") ?? []), where]);
    told.here[name] = Object.fromEntries([...at].map(([user, each]) => [user, edgesCounted(each)]));
    told.sums[name] = Object.fromEntries([...at].map(([user, each]) => [user, each.length]));
    told.who[name] = [...at.keys()].toSorted(byBytes);
  }
  for (const user of USERS) {
    const at = model.devices.flatMap((each, d) => (DEVICES[d] === user && each.edge !== undefined ? [each.edge] : []));
    if (at.length > 0) told.sessions[user] = edgesCounted(at);
  }
  return told;
}

/** Of a channel, each user's comings as the observer was told. */
function comings({ observer }: Scene, name: string): Map<string, string[]> {
  const told = new Map<string, string[]>();
  for (const { type, channel: where, user = "", online } of observer.frames) {
    if (where !== name || (type !== "joined" && type !== "left")) continue;
    expect(online).toBeGreaterThanOrEqual(1);
    told.set(user, [...(told.get(user) ?? []), type]);
  }
  return told;
}

function presentAsTold(scene: Scene, name: string): string[] {
  const present = [...comings(scene, name)].filter(([, events]) => events.at(-1) === "joined").map(([user]) => user);
  return [...present, OBSERVER].toSorted(byBytes);
}

function expectInTurns(scene: Scene): void {
  for (const name of scene.channels)
    for (const [user, events] of comings(scene, name))
      expect(events, `${user} in ${name}`).toEqual(events.map((_, at) => (at % 2 === 0 ? "joined" : "left")));
}

/** Somebody new on each edge is told the same of each channel. */
async function expectEveryEdgeToKnow({ channels, observer }: Scene, who: Told["who"]): Promise<void> {
  for (let each = 0; each < EDGES; each += 1) {
    const prober = await cluster.client(PROBER, { edge: each });
    for (const name of channels) {
      const users = [...(who[name] ?? []), PROBER].toSorted(byBytes);
      expect(await insist(prober, { type: "join", channel: name })).toMatchObject({ online: users.length });
      const members = { online: users.length, members: users.map((user) => ({ user })) };
      for (const client of [prober, observer])
        expect(await insist(client, { type: "members", channel: name })).toMatchObject(members);
    }
    await prober.close();
  }
}

async function play(steps: readonly Command[]): Promise<void> {
  played += 1;
  const channels = Array.from({ length: CHANNELS }, (_, n) => `model-${played}-${n}`);
  const observer = await cluster.client(OBSERVER, { edge: SAFE });
  const clients = DEVICES.map(() => undefined);
  const scene: Scene = { cluster, edges, channels, clients, observer };
  const devices = DEVICES.map((): Device => ({ edge: undefined, channels: new Set() }));
  const model: Model = { devices, frozen: undefined, wasDrained: false };
  const patience = { timeout: QUIET_WITHIN_MS, interval: 50 };
  try {
    for (const name of channels) await insist(observer, { type: "join", channel: name });
    await asyncModelRun(() => ({ model, real: scene }), steps);
    thaw(model, scene);
    await asyncModelRun(() => ({ model, real: scene }), meeting);
    for (let each = 0; each < EDGES; each += 1) await edges.untilUp(each);
    const shall = expected(model, channels);
    const told = (): Promise<Told> => toldByRedis(server, edges, channels, [...USERS, OBSERVER]);
    await expect.poll(told, patience).toEqual(shall);
    for (const name of channels) await expect.poll(() => presentAsTold(scene, name), patience).toEqual(shall.who[name]);
    await expectEveryEdgeToKnow(scene, shall.who);
    expectInTurns(scene);
    expect(observer.session()).toBe(1);
  } finally {
    thaw(model, scene);
    await Promise.all([observer, ...scene.clients].map(async (client) => client?.close()));
  }
  await expect.poll(() => leftOfPresence(server), patience).toEqual([]);
}

const times = inject("fuzzTimes");

it(
  "who is present is who is connected, on every edge, and everybody comes and goes in turns, whatever becomes of edges",
  async () => {
    await assert(asyncProperty(array(step, { minLength: 25, maxLength: 40, size: "max" }), play), {
      numRuns: 2 * times,
      endOnFailure: true,
    });
  },
  120_000 * times,
);
