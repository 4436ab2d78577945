// Faults on the side of clients: slow, gone without a word, hostile, all dropped at once. Rows of the table in
// all-faults.ts.
import { randomBytes } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, startProxy } from "@rookery/testkit";
import type { ChatClient, Violation } from "@rookery/testkit";
import { ANYWHERE } from "../fault.ts";
import type { Fault, Scene } from "../fault.ts";
import type { EdgeNode } from "../world.ts";

const DROPPED = 150;
const BACK_WITHIN_MS = 10_000;
const SLOW_BYTES_PER_SEC = 1_000;
const SLOW = 4;
const LOUD = 6;
const BIG_BODY = "x".repeat(4_000);
const SAID_AT_ONCE = 10;
/** More than what kernel, proxy and edge hold for one socket together. */
const MOST_SAID = 4_000;
const NOTICED_WITHIN_MS = 60_000;
const HOSTILE_SOCKETS = 40;
const FRAMES_EACH = 50;
const MORE_MEMORY_BYTES = 128 * 1024 * 1024;

async function dropEverybody({ world, crowd, name, note, patienceMs }: Scene): Promise<number> {
  const guests = await Promise.all(
    Array.from({ length: DROPPED }, (_, n) =>
      crowd.connect({ user: `${name}-guest-${n}`, edge: n % world.edges.length }),
    ),
  );
  await Promise.all(guests.map((guest) => crowd.enter(guest, `${name}-guests`)));
  const sessions = guests.map((guest) => guest.session());
  let dropped = 0;
  for (const { clients } of world.edges) dropped += clients.cut();
  note("dropped", dropped);
  const back = (): number => guests.filter((guest, n) => guest.session() > (sessions[n] ?? 0)).length;
  await eventually(() => back() >= DROPPED * 0.95, { withinMs: patienceMs(BACK_WITHIN_MS), what: "95 of 100 back" });
  await Promise.all(guests.map((guest) => guest.ready()));
  await guests[0]?.send(`${name}-guests`, "everybody is back");
  return 1;
}

/** Behind what waits for them, as their edge has it. */
const behindAt = async ({ service }: EdgeNode): Promise<number> =>
  (await service.metrics()).get('rookery_edge_lane_sockets{lane="behind"}') ?? 0;

/** In a loud channel one reads through a narrow line and the others stop, until their edge gives them no more. */
async function slowReaders({ world, crowd, name, note, random, patienceMs }: Scene): Promise<number> {
  const channel = `${name}-loud-${random.below(1_000_000)}`;
  const [edge] = world.edges;
  if (edge === undefined) throw new Error("there is no edge");
  const way = await startProxy({ target: `127.0.0.1:${edge.service.ports.port}` });
  try {
    // Past the proxy of everybody else, which would read for them.
    const urls = Array.from(
      { length: SLOW },
      (_, n) => `ws://127.0.0.1:${n === 0 ? way.port : edge.service.ports.port}/ws`,
    );
    const slow = await Promise.all(urls.map((url, n) => crowd.connect({ user: `${channel}-slow-${n}`, edge: 0, url })));
    const loud = await Promise.all(
      Array.from({ length: LOUD }, (_, n) => crowd.connect({ user: `${channel}-loud-${n}`, edge: 1 })),
    );
    for (const client of [...slow, ...loud]) await crowd.enter(client, channel);
    const sessions = slow.map((client) => client.session());
    way.bandwidth(SLOW_BYTES_PER_SEC);
    for (const client of slow.slice(1)) client.read(false);
    const said = await speakUntilBehind(edge, loud, channel);
    note("big messages", said);
    way.bandwidth(undefined);
    for (const client of slow) client.read(true);
    const [speaker] = loud;
    await speaker?.send(channel, "the last one");
    await eventually(() => slow.every((client) => isLevel(client, channel, speaker)), {
      ...{ withinMs: patienceMs(60_000), everyMs: 200, what: "everything at everybody who was slow" },
    });
    note("told", slow.filter(({ history }) => history.events.some(({ kind }) => kind === "gap")).length);
    note("stayed", slow.filter((client, n) => client.session() === sessions[n]).length);
    // What was behind this way comes back by another.
    await slow[0]?.close();
  } finally {
    await way.close();
  }
  return SLOW;
}

/** Resolves to how much was said: no more than a bound, so that a mix in which they are never behind ends too. */
async function speakUntilBehind(edge: EdgeNode, loud: readonly ChatClient[], channel: string): Promise<number> {
  let said = 0;
  while (said < MOST_SAID && (await behindAt(edge)) < SLOW) {
    for (let n = 0; n < SAID_AT_ONCE; n += 1) {
      await Promise.all(loud.map((client) => client.send(channel, `${BIG_BODY} ${said}`)));
      said += loud.length;
    }
  }
  return said;
}

/** Whether it stands where another does, and nothing of what it was told of is still to be read. */
function isLevel(client: ChatClient, channel: string, other: ChatClient | undefined): boolean {
  const { cursor, openGaps, held } = client.channel(channel);
  const head = other?.inOrder(channel).at(-1);
  if (cursor === undefined || head === undefined || held !== undefined) return false;
  return openGaps.length === 0 && cursor.epoch === head.epoch && cursor.seq === head.seq;
}

/** The network drops every packet of some who are connected: neither side is told. */
async function halfOpen({ world, crowd, name, note }: Scene): Promise<number> {
  const [channel = ""] = crowd.channels;
  const way = await startProxy({ target: `127.0.0.1:${world.edges[0]?.service.ports.port ?? 0}` });
  try {
    const url = `ws://127.0.0.1:${way.port}/ws`;
    const gone = await Promise.all(
      [0, 1, 2].map((n) => crowd.connect({ user: `${name}-gone-${n}`, edge: 0, url, returns: false })),
    );
    for (const client of gone) await crowd.enter(client, channel);
    const observer = await crowd.connect({ user: `${name}-observer`, edge: 1 });
    await crowd.enter(observer, channel);
    way.freeze(true);
    for (const { user } of gone) {
      observer.history.add({ kind: "bound", what: "presence", user, channel, withinMs: NOTICED_WITHIN_MS });
    }
    await delay(NOTICED_WITHIN_MS + 500);
    for (const user of await crowd.present(observer, channel)) observer.history.add({ kind: "present", channel, user });
    const left = new Set(observer.frames.flatMap(({ type, user = "" }) => (type === "left" ? [user] : [])));
    note("left", gone.filter(({ user }) => left.has(user)).length);
  } finally {
    await way.close();
  }
  return 3;
}

/** What is hostile about a frame, by what it is made of. */
const HOSTILE: readonly (() => Buffer)[] = [
  () => textFrame("{".repeat(100)),
  () => textFrame(`${"[".repeat(5_000)}${"]".repeat(5_000)}`),
  () => textFrame('{"type":"join","channel":{"__proto__":{"x":1}}}'),
  () => textFrame('{"type":"send","channel":"a","clientId":"b","body":"\\u0000"}'),
  () => textFrame(JSON.stringify({ type: "send", channel: "a".repeat(10_000), clientId: "b", body: "c" })),
  () => textFrame(JSON.stringify({ type: "history", channel: "lobby", after: { epoch: 1e308, seq: -1 } })),
  () => frame(1, randomBytes(200)),
  () => frame(2, randomBytes(50)),
  () => randomBytes(64),
  () => textFrame("x".repeat(20_000)),
];

const textFrame = (text: string): Buffer => frame(1, Buffer.from(text));

/** A frame of a client, masked with zeros. (RFC 6455, section 5.2) */
function frame(opcode: number, payload: Buffer): Buffer {
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload]);
}

async function hostileSocket(edge: EdgeNode, token: string, { random, note }: Scene): Promise<void> {
  const socket = connectTcp({ host: "127.0.0.1", port: edge.service.ports.port });
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  // A reset is one way to be closed.
  socket.on("error", () => undefined).on("data", () => note("answers"));
  const lines = ["GET /ws HTTP/1.1", "Host: edge", "Upgrade: websocket", "Connection: Upgrade"];
  const headers = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
  socket.write([...lines, ...headers, `Authorization: Bearer ${token}`, "", ""].join("\r\n"));
  for (let n = 0; n < FRAMES_EACH && !socket.destroyed; n += 1) {
    socket.write(random.pick(HOSTILE)());
    note("hostile frames");
    await delay(random.below(10));
  }
  socket.destroy();
  await closed;
}

async function sendHostileFrames(scene: Scene): Promise<number> {
  const { world, name, random } = scene;
  const memory = (): Promise<(number | undefined)[]> =>
    Promise.all(world.edges.map(async ({ service }) => (await service.metrics()).get("process_resident_memory_bytes")));
  const before = await memory();
  for (let n = 0; n < HOSTILE_SOCKETS; n += 4) {
    const tokens = await Promise.all([0, 1, 2, 3].map((k) => world.token(`${name}-hostile-${n + k}`)));
    await Promise.all(tokens.map((token) => hostileSocket(random.pick(world.edges), token, scene)));
  }
  const after = await memory();
  for (const [n, bytes] of after.entries()) {
    const first = before[n];
    // One that did not answer has nothing to compare with.
    if (first !== undefined && bytes !== undefined && bytes - first > MORE_MEMORY_BYTES) scene.note("edges that grew");
  }
  return HOSTILE_SOCKETS;
}

/** Each edge that was there is there, and no larger. */
function edgesLive({ world, noted }: Scene): Violation[] {
  const dead = world.edges.filter(({ service }) => !service.isRunning());
  return [
    ...dead.map(({ service }) => ({ rule: "a process died", detail: service.name })),
    ...(noted("edges that grew") > 0
      ? [{ rule: "memory grew", detail: `by more than ${MORE_MEMORY_BYTES} bytes` }]
      : []),
  ];
}

export const clientFaults: readonly Fault[] = [
  {
    name: "everybody-dropped",
    attacks: "A3 A5",
    does: `drops everybody and ${DROPPED} more at once; 95 of 100 are back within ${BACK_WITHIN_MS / 1000} s`,
    topologies: ANYWHERE,
    touches: ["clients"],
    rounds: 1,
    inject: dropEverybody,
    signals: "whole",
    bites: [{ what: "dropped", count: ({ noted }) => noted("dropped"), least: DROPPED }],
  },
  {
    name: "slow-readers",
    attacks: "A3",
    does: `lets a reader have ${SLOW_BYTES_PER_SEC} bytes a second of a loud channel and ${SLOW - 1} stop, until all are behind, and lets them read on`,
    topologies: ANYWHERE,
    touches: ["clients"],
    rounds: 1,
    least: SLOW,
    inject: slowReaders,
    recoversWithinMs: 20_000,
    bites: [
      {
        what: "sockets behind",
        count: ({ grew }) => grew('rookery_edge_slow_sockets_total{lane="behind"}'),
        least: SLOW,
      },
      { what: "told of a gap", count: ({ noted }) => noted("told"), least: SLOW },
      { what: "stayed connected", count: ({ noted }) => noted("stayed"), least: 1 },
    ],
  },
  {
    name: "half-open",
    attacks: "A7",
    does: "drops every packet of some who are connected, and looks who is present a minute later",
    topologies: ANYWHERE,
    touches: ["clients", "edges", "redis"],
    rounds: 1,
    least: 3,
    inject: halfOpen,
    bites: [{ what: "left", count: ({ noted }) => noted("left"), least: 3 }],
  },
  {
    name: "fuzz",
    attacks: "A5",
    does: "sends malformed, oversized, deeply nested and random frames",
    topologies: ANYWHERE,
    touches: ["clients"],
    rounds: 1,
    least: HOSTILE_SOCKETS,
    inject: sendHostileFrames,
    also: edgesLive,
    bites: [
      { what: "hostile frames", count: ({ noted }) => noted("hostile frames"), least: 200 },
      { what: "answers", count: ({ noted }) => noted("answers"), least: HOSTILE_SOCKETS },
    ],
  },
];
