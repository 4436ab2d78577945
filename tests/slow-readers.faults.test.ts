// Slow readers in numbers, among a thousand on one edge: one that stops, a thousand that stop and wake at once, some that read a
// kilobyte a second, one that never reads on, and two who are banned meanwhile. Few of them fill a buffer that the edge sees: the
// kernel takes megabytes of a socket that nobody reads, so most are known by a ping that stays unanswered.
import { eventually, startCluster, startProxy } from "@rookery/testkit";
import type { ChatClient, Cluster, Proxy } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FOR_GOOD, moderationOf } from "./moderation.ts";
import type { Moderation } from "./moderation.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";
import type { Said, Talk } from "./talk.ts";

const KIB = 1024;
const HARD_BYTES = 128 * KIB;
/** What the layer may be given beyond the limit before it says so: what one turn of the loop publishes. */
const TURN_BYTES = 31 * 5 * KIB;
const SETTINGS = {
  ...UNHURRIED,
  ...{ ROOKERY_SOFT_BUFFER_BYTES: String(32 * KIB), ROOKERY_HARD_BUFFER_BYTES: String(HARD_BYTES) },
  // So that it is known to the second for how long a ping has been unanswered, and nobody is closed for silence.
  ...{ ROOKERY_HEARTBEAT_MS: "1000", ROOKERY_IDLE_MS: "600000" },
  // Other work on the machine makes no edge shed anything: what is shown here are its sockets.
  ...{ ROOKERY_LATE_LOOP_MS: "0", ROOKERY_CONNECTS_PER_SEC: "100000" },
};
/** Of each of two, who have to say within 15 s what the kernel takes of a reader: megabytes, before anything waits in the edge. */
const IN_FLIGHT = 8;
const BODY = "x".repeat(4000);
/** A page of three of those is more. */
const PAGE_BYTES = 8000;
const CROWD = 1000;
const AT_ONCE = 50;
/** One in so many: the checker goes through every message of each client. */
const JUDGED_OF_CROWD = 50;
/** One in a hundred in all, half of them on a line that is widened once they are behind. */
const ON_A_NARROW_LINE = 5;
const NARROW_BYTES_PER_SEC = 1000;
/** 15 s until a ping is unanswered for too long, 30 s to catch up, and what a loaded machine takes. */
const IN_TIME = { withinMs: 120_000, everyMs: 100 };
const HEALED = { withinMs: 60_000, everyMs: 100 };
/** Whoever reads a kilobyte a second leaves a ping unanswered for 15 s by then, and has 20 s left to catch up. */
const FALLEN_AFTER_MS = 25_000;
/** Within it whoever keeps up has everything, as after any fault. */
const DELIVERED_WITHIN_MS = 10_000;

/** Where all are; where much is said to few; where those on a narrow line listen; where two are banned. */
const [SQUARE, FLOOD, STREAM, CLUB] = ["square", "flood", "stream", "club"];

let cluster: Cluster;
let moderation: Moderation;
const lines: Proxy[] = [];
const clients: ChatClient[] = [];
/** All of them, and the one in which everybody is. */
const talks: Talk[] = [];
let square: Talk;
/** What tests say themselves. */
const saidApart: Said[] = [];

let speakers: ChatClient[];
/** They read all the time. */
let listeners: ChatClient[];
let crowd: ChatClient[];
let never: ChatClient;
/** It stops alone. */
let sam: ChatClient;
let banned: { readonly bart: ChatClient; readonly bea: ChatClient };
/** One line stays narrow, the other is widened once those on it are behind. */
let trickles: { readonly narrow: ChatClient[]; readonly widened: ChatClient[] };

const metric = async (series: string): Promise<number> => (await cluster.metrics("edge-1")).get(series) ?? Number.NaN;
const buffered = (): Promise<number> => metric("rookery_edge_buffered_bytes");
const BEHIND = 'rookery_edge_lane_sockets{lane="behind"}';
const behind = (): Promise<number> => metric(BEHIND);
/** How often anybody fell behind. */
const FALLS = 'rookery_edge_slow_sockets_total{lane="behind"}';
const closes = (why: string): string => `rookery_edge_slow_closes_total{reason="${why}"}`;
const closedFor = (why: string): Promise<number> => metric(closes(why));
const gapsOf = ({ history }: ChatClient, channel: string): number =>
  history.events.filter((event) => event.kind === "gap" && event.channel === channel).length;

async function connect(user: string, channels: readonly string[], more: object = {}): Promise<ChatClient> {
  const client = await cluster.client(user, more);
  clients.push(client);
  for (const channel of channels) expect((await client.join(channel)).type).toBe("ok");
  return client;
}

function talk(by: readonly ChatClient[], channel: string, options: { paceMs?: number; padding?: string }): Talk {
  const one = startTalk(
    by.map((client) => ({ client, channel })),
    options,
  );
  talks.push(one);
  return one;
}

async function say(client: ChatClient, channel: string, body: string, clientId: string): Promise<number> {
  const reply = await client.send(channel, body, clientId);
  saidApart.push({ client, channel, clientId, reply });
  return reply.seq ?? 0;
}

/** Of the one talk in which all are, so many more. */
async function talkGoesOn(messages: number): Promise<void> {
  const before = square.acknowledged();
  await eventually(() => expect(square.acknowledged()).toBeGreaterThan(before + messages), IN_TIME);
}

/** Everybody has all that had been acknowledged before this was asked. */
async function haveAll(who: readonly ChatClient[]): Promise<void> {
  const count = square.acknowledged();
  const late = (): ChatClient[] => who.filter((each) => each.inOrder(SQUARE).length < count);
  await eventually(() => expect(late()).toHaveLength(0), { ...HEALED, what: "everything said so far at each" });
}

beforeAll(async () => {
  cluster = await startCluster({ edges: 1, set: SETTINGS });
  moderation = await moderationOf(cluster);
  await moderation.create("public", CLUB, "ann");
  const [url = ""] = cluster.ready.ws;
  for (let n = 0; n < 2; n += 1) lines.push(await startProxy({ target: url }));
  speakers = [await connect("ann", [SQUARE, CLUB]), await connect("bob", [SQUARE])];
  listeners = [await connect("cat", [SQUARE, FLOOD, STREAM]), await connect("dan", [SQUARE])];
  const onLine = (line: Proxy | undefined, kind: string): Promise<ChatClient[]> => {
    const more = {
      ...{ url: line?.url() ?? "", answerWithinMs: 180_000 },
      reconnecting: { urls: [url], firstDelayMs: 20 },
    };
    const numbers = Array.from({ length: ON_A_NARROW_LINE }, (_, n) => n);
    return Promise.all(numbers.map((n) => connect(`${kind}-${n}`, [SQUARE, STREAM], more)));
  };
  trickles = { narrow: await onLine(lines[0], "narrow"), widened: await onLine(lines[1], "widened") };
  crowd = [];
  while (crowd.length < CROWD) {
    const batch = Array.from({ length: AT_ONCE }, (_, n) => connect(`crowd-${crowd.length + n}`, [SQUARE]));
    crowd.push(...(await Promise.all(batch)));
  }
  never = await connect("never", [SQUARE]);
  sam = await connect("sam", [SQUARE, FLOOD]);
  banned = { bart: await connect("bart", [SQUARE, CLUB]), bea: await connect("bea", [SQUARE, CLUB]) };
  // From here on these are slow, beside all that follows.
  never.read(false);
  lines[0]?.bandwidth(NARROW_BYTES_PER_SEC);
  square = talk(speakers, SQUARE, { paceMs: 400 });
  talk([await connect("eve", [STREAM])], STREAM, { paceMs: 50, padding: "x".repeat(200) });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(lines.map((line) => line.close()));
});

it("one reader that stops among a thousand costs them nothing and memory up to its limit, and reads back what it is told of", async () => {
  sam.read(false);
  const floods = [await connect("flo", [FLOOD]), await connect("flip", [FLOOD])];
  const flood = talk(Array.from({ length: IN_FLIGHT }, () => floods).flat(), FLOOD, { padding: BODY });
  let peakBytes = 0;
  await eventually(
    async () => {
      peakBytes = Math.max(peakBytes, await buffered());
      expect(peakBytes).toBeGreaterThan(HARD_BYTES / 2);
    },
    { ...IN_TIME, everyMs: 20, what: "a reader whose buffer is full" },
  );
  const said = flood.acknowledged();
  await eventually(() => expect(flood.acknowledged()).toBeGreaterThan(said + 200), IN_TIME);
  await talkGoesOn(5);
  peakBytes = Math.max(peakBytes, await buffered());
  await flood.end();
  expect(peakBytes).toBeGreaterThan(HARD_BYTES / 2);
  expect(peakBytes).toBeLessThan(HARD_BYTES + TURN_BYTES);
  await haveAll([...crowd, ...listeners]);
  sam.read(true);
  for (const channel of [SQUARE, FLOOD])
    await sam.waitFor((frame) => frame.type === "gap" && frame.channel === channel, HEALED);
  await haveAll([sam]);
  await eventually(() => expect(sam.inOrder(FLOOD).length).toBe(listeners[0]?.inOrder(FLOOD).length), HEALED);
  const others = [...speakers, ...listeners, ...crowd, ...floods];
  expect(others.filter((each) => each.frames.some(({ type }) => type === "gap"))).toEqual([]);
  expect([...others, sam].flatMap(closesOf)).toEqual([]);
});

it("a thousand that wake at once are each told what they missed and read it back, and whoever is banned meanwhile hears no more", async () => {
  const { bart, bea } = banned;
  for (let n = 0; n < 3; n += 1) await say(speakers[0] ?? bart, CLUB, BODY, `before-${n}`);
  await eventually(() => expect([bart, bea].map((each) => each.inOrder(CLUB).length)).toEqual([3, 3]), HEALED);
  const sleepers = [...crowd, bart, bea];
  for (const client of sleepers) client.read(false);
  await eventually(async () => expect(await behind()).toBeGreaterThanOrEqual(sleepers.length), {
    ...IN_TIME,
    what: "a thousand behind",
  });
  // One of the two has a page of the channel waiting when it is banned.
  const pages: Promise<string>[] = [];
  await eventually(
    async () => {
      const page = bea.request({ type: "history", channel: CLUB });
      pages.push(page.then(({ type }) => type).catch(() => "lost"));
      await talkGoesOn(1);
      expect(await buffered()).toBeGreaterThan(PAGE_BYTES);
    },
    { ...HEALED, what: "a page that is kept" },
  );
  for (const user of ["bart", "bea"]) await moderation.ban(CLUB, user, FOR_GOOD);
  await eventually(async () => expect(await closedFor("removed")).toBe(1), { ...HEALED, what: "the end of a session" });
  const last = await say(speakers[0] ?? bart, CLUB, "now they are gone", "after");
  await talkGoesOn(3);
  expect(await buffered()).toBeLessThan(HARD_BYTES);

  for (const client of sleepers) client.read(true);
  expect((await bea.closed).code).toBe(4001);
  expect(await pages.at(-1)).toBe("lost");
  await bart.waitFor(({ type, channel }) => type === "removed" && channel === CLUB, HEALED);
  const woken = [...crowd, bart];
  await eventually(() => expect(woken.filter((each) => gapsOf(each, SQUARE) === 0)).toHaveLength(0), {
    ...HEALED,
    what: "each told of what it missed",
  });
  await haveAll([...speakers, ...listeners, ...woken]);
  const heardAfter = [bart, bea].filter((each) => each.frames.some((frame) => isIn(CLUB, frame) && frame.seq === last));
  expect(heardAfter).toEqual([]);
  expect(gapsOf(bart, CLUB)).toBe(0);
  expect((await bart.readHistory(CLUB)).type).toBe("error");
  expect(woken.flatMap(closesOf)).toEqual([]);
});

it("those who read a kilobyte a second stay when they catch up and are closed as slow when not, and so is who never reads", async () => {
  const { narrow, widened } = trickles;
  const others = narrow.length + 1;
  // Of one look: those on the narrow line may fall behind just now.
  const now = await cluster.metrics("edge-1");
  const notYet = others - (now.get(BEHIND) ?? 0) - (now.get(closes("too_long")) ?? 0);
  const falls = (now.get(FALLS) ?? 0) + notYet + widened.length;
  lines[1]?.bandwidth(NARROW_BYTES_PER_SEC);
  const narrowedAtMs = performance.now();
  await eventually(
    async () => {
      expect(await metric(FALLS)).toBeGreaterThanOrEqual(falls);
      // Others may fall behind just now, and are counted too.
      expect(performance.now() - narrowedAtMs).toBeGreaterThan(FALLEN_AFTER_MS);
    },
    { ...IN_TIME, what: "those behind whose line will be widened" },
  );
  lines[1]?.bandwidth(undefined);
  await eventually(() => expect(widened.filter((each) => gapsOf(each, STREAM) === 0)).toHaveLength(0), IN_TIME);
  await eventually(async () => expect(await closedFor("too_long")).toBe(others), {
    ...IN_TIME,
    what: "the end of those who do not catch up",
  });
  lines[0]?.bandwidth(undefined);
  never.read(true);
  // All were closed as slow, which is counted above; the reason reaches who reads within the time for last words.
  expect([4001, 1006]).toContain((await never.closed).code);
  await eventually(() => expect(narrow.map((each) => closesOf(each).length)).toEqual(narrow.map(() => 1)), HEALED);
  expect(narrow.flatMap(closesOf).filter((code) => code !== 4001 && code !== 1006)).toEqual([]);
  for (const one of talks) await one.end();
  const said = [...talks.flatMap((one) => one.said), ...saidApart];
  expect(said.map(({ reply }) => reply?.type).filter((type) => type !== "ok")).toEqual([]);
  await haveAll(crowd);
  expect(crowd.flatMap((each) => each.problems())).toEqual([]);
  // What each of the crowd did and saw is judged by its own client; all that the checker knows of a few.
  const unjudged = new Set(crowd.filter((_, n) => n % JUDGED_OF_CROWD !== 0));
  const judged = clients.filter((client) => !unjudged.has(client));
  const stayed = judged.filter((client) => client !== never && client !== banned.bea);
  await expectPromisesKept({ cluster, talk: { ...square, said }, clients: judged, stayed, ...HEALED });
  expect(widened.flatMap(closesOf)).toEqual([]);
  const keptUp = [...speakers, ...listeners];
  expect(keptUp.filter((each) => each.frames.some(({ type }) => type === "gap"))).toEqual([]);
  expect(keptUp.flatMap(closesOf)).toEqual([]);
  expect(Math.max(...listeners.flatMap(delaysMs))).toBeLessThan(DELIVERED_WITHIN_MS);
});

function isIn(channel: string, frame: { readonly channel?: string }): boolean {
  return frame.channel === channel;
}

/** From the server's stamp until it was here, of all that was told live. */
function delaysMs({ history }: ChatClient): number[] {
  return history.events.flatMap((event) =>
    event.kind === "frame" && event.via === "live" ? [event.atMs - (event.sentAtMs ?? event.atMs)] : [],
  );
}
