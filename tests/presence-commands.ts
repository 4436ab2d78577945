// Owns what may happen in the model of presence, to users and to edges: each command with the state in which it can happen, what
// it does to the real thing, and what it does to the model. Called by the model's test, which judges what comes of them.
// Must never leave the model behind what it did: a command ends once the real thing has answered.
import { setTimeout as delay } from "node:timers/promises";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { boolean, constant, nat, oneof, record } from "fast-check";
import type { Arbitrary, AsyncCommand } from "fast-check";
import { expect } from "vitest";
import { EDGES, insist, SAFE } from "./presence-scene.ts";
import type { Edges } from "./presence-scene.ts";

export const USERS = ["ann", "bob", "zoë"];
/** By device, its user. */
export const DEVICES = USERS.flatMap((user) => [user, user]);
export const CHANNELS = 3;

export interface Device {
  /** Undefined while it is not connected. */
  edge: number | undefined;
  readonly channels: Set<number>;
}

export interface Model {
  readonly devices: readonly Device[];
  frozen: number | undefined;
  wasDrained: boolean;
}

/** What commands act on. */
export interface Scene {
  readonly cluster: Cluster;
  readonly edges: Edges;
  readonly channels: readonly string[];
  readonly clients: (ChatClient | undefined)[];
  readonly observer: ChatClient;
}

export type Command = AsyncCommand<Model, Scene, true>;
type Step = (model: Model, scene: Scene) => Promise<void>;

const command = (text: string, check: (model: Readonly<Model>) => boolean, run: Step): Command => ({
  check: (model) => Promise.resolve(check(model)),
  run,
  toString: () => text,
});

const deviceAt = (model: Readonly<Model>, device: number): Device => {
  const found = model.devices[device];
  if (found === undefined) throw new RangeError(`there is no device ${device}`);
  return found;
};

/** What is asked of it is answered. */
const isAnswered = (model: Readonly<Model>, device: number): boolean => {
  const { edge } = deviceAt(model, device);
  return edge !== undefined && edge !== model.frozen;
};

async function connect(model: Model, { cluster, edges, clients }: Scene, device: number, edge: number): Promise<void> {
  await edges.untilUp(edge);
  clients[device] = await cluster.client(DEVICES[device] ?? "", { edge });
  deviceAt(model, device).edge = edge;
}

async function join(model: Model, scene: Scene, device: number, channel: number): Promise<void> {
  const client = scene.clients[device];
  if (client === undefined) return;
  const { online } = await insist(client, { type: "join", channel: scene.channels[channel] ?? "" });
  // The observer, and whoever joins.
  expect(online).toBeGreaterThanOrEqual(2);
  deviceAt(model, device).channels.add(channel);
}

/** Its socket is gone, or is about to be. */
async function cut(model: Model, { clients }: Scene, device: number): Promise<number[]> {
  clients[device]?.kill();
  await clients[device]?.closed;
  clients[device] = undefined;
  const known = deviceAt(model, device);
  const channels = [...known.channels];
  known.edge = undefined;
  known.channels.clear();
  return channels;
}

async function move(model: Model, scene: Scene, device: number, edge: number): Promise<void> {
  const channels = await cut(model, scene, device);
  await connect(model, scene, device, edge);
  for (const channel of channels) await join(model, scene, device, channel);
}

const devicesOn = (model: Readonly<Model>, edge: number): number[] =>
  model.devices.flatMap((each, device) => (each.edge === edge ? [device] : []));

async function kill(model: Model, scene: Scene, edge: number): Promise<void> {
  await scene.edges.untilUp(edge);
  scene.edges.kill(edge);
  for (const device of devicesOn(model, edge)) await cut(model, scene, device);
}

/** Those who obey what they are told come back elsewhere when they are told to, the others do not. */
async function drain(model: Model, scene: Scene, edge: number, obeying: number): Promise<void> {
  await scene.edges.untilUp(edge);
  model.wasDrained = true;
  scene.edges.drain(edge);
  const others = Array.from({ length: EDGES }, (_, each) => each).filter((n) => n !== edge && n !== model.frozen);
  const leave = async (device: number): Promise<void> => {
    const told = await scene.clients[device]?.waitFor(({ type }) => type === "reconnect");
    await delay(told?.afterMs ?? 0);
    if (device % 2 > obeying) await cut(model, scene, device);
    else await move(model, scene, device, others[device % others.length] ?? SAFE);
  };
  await Promise.all(devicesOn(model, edge).map(leave));
}

const device = nat(DEVICES.length - 1);
const channel = nat(CHANNELS - 1);
const edge = nat(EDGES - 1);
const unsafe = edge.filter((each) => each !== SAFE);

const coming = (d: number, e: number, c: number): Command =>
  command(
    `${d} comes to ${e} and joins ${c}`,
    (model) => deviceAt(model, d).edge === undefined && model.frozen !== e,
    async (model, scene) => {
      await connect(model, scene, d, e);
      await join(model, scene, d, c);
    },
  );
const connects = record({ device, edge, channel }).map(({ device: d, edge: e, channel: c }) => coming(d, e, c));
const joining = (d: number, c: number): Command =>
  command(
    `${d} joins ${c}`,
    (model) => isAnswered(model, d),
    (model, scene) => join(model, scene, d, c),
  );
const joins = record({ device, channel }).map(({ device: d, channel: c }) => joining(d, c));
/** All devices meet at last: most schedules leave few connected, and a user's two rarely in one channel by way of one edge. */
export const meeting: readonly Command[] = DEVICES.flatMap((_, d) => [
  coming(d, Math.floor(d / 2) % EDGES, 0),
  joining(d, 0),
]);
const leaves = record({ device, channel }).map(({ device: d, channel: c }) =>
  command(
    `${d} leaves ${c}`,
    (model) => isAnswered(model, d) && deviceAt(model, d).channels.has(c),
    async (model, { clients, channels }) => {
      const client = clients[d];
      if (client !== undefined) await insist(client, { type: "leave", channel: channels[c] ?? "" });
      deviceAt(model, d).channels.delete(c);
    },
  ),
);
const cuts = device.map((d) =>
  command(
    `${d} is cut`,
    (model) => deviceAt(model, d).edge !== undefined,
    async (model, scene) => void (await cut(model, scene, d)),
  ),
);
const moves = record({ device, edge }).map(({ device: d, edge: e }) =>
  command(
    `${d} moves to ${e}`,
    (model) => deviceAt(model, d).edge !== undefined && model.frozen !== e,
    (model, scene) => move(model, scene, d, e),
  ),
);
const kills = unsafe.map((e) =>
  command(
    `edge ${e} is killed`,
    (model) => model.frozen !== e,
    (model, scene) => kill(model, scene, e),
  ),
);
const freezes = unsafe.map((e) =>
  command(
    `edge ${e} is frozen`,
    (model) => model.frozen === undefined,
    async (model, { edges }) => {
      await edges.untilUp(e);
      model.frozen = e;
      await edges.freeze(e);
    },
  ),
);
const thaws = constant(
  command(
    "the frozen edge goes on",
    (model) => model.frozen !== undefined,
    (model, scene) => Promise.resolve(thaw(model, scene)),
  ),
);
/** Whoever does not come back counts as present for as long as others may: once in a run is enough. */
const drains = record({ edge: unsafe, everybody: boolean() }).map(({ edge: e, everybody }) =>
  command(
    `edge ${e} is drained, and ${everybody ? "everybody" : "every other"} obeys`,
    (model) => model.frozen !== e && !model.wasDrained,
    (model, scene) => drain(model, scene, e, everybody ? 1 : 0),
  ),
);

export function thaw(model: Model, { edges }: Scene): void {
  if (model.frozen !== undefined) edges.thaw(model.frozen);
  model.frozen = undefined;
}

/** Mostly users, sometimes a fault. */
export const step: Arbitrary<Command> = oneof(
  { weight: 6, arbitrary: connects },
  { weight: 6, arbitrary: joins },
  { weight: 3, arbitrary: leaves },
  { weight: 2, arbitrary: cuts },
  { weight: 3, arbitrary: moves },
  { weight: 1, arbitrary: kills },
  { weight: 1, arbitrary: freezes },
  { weight: 2, arbitrary: thaws },
  { weight: 1, arbitrary: drains },
);
