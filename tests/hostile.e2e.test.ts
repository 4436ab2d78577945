import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWelcomed } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";

const KIB = 1024;
const FRAME_BYTES = 16 * KIB;
/** Beyond this the WebSocket layer itself cuts the connection. */
const LAYER_BYTES = 256 * KIB;

let cluster: Cluster;
/** Two well-behaved users on the same edge as everything hostile, and one on the other. */
let bystanders: ChatClient[];
const sockets: RawSocket[] = [];
let opened = 0;

beforeAll(async () => {
  cluster = await startCluster({ edges: 2, set: { ROOKERY_CONNECTS_PER_SEC: "10000" } });
  bystanders = await Promise.all([0, 0, 1].map((edge, n) => cluster.client(`bystander-${n}`, { edge })));
  for (const each of bystanders) await each.join("quiet");
});
afterAll(async () => {
  for (const socket of sockets) socket.cut();
  await Promise.all((bystanders ?? []).map((each) => each.close()));
});

/** A connection of a user of its own on the first edge, so that no limit of one test counts in another. */
async function open(): Promise<RawSocket> {
  const socket = await openWelcomed(cluster.ready.ws[0] ?? "", cluster.token(`hostile-${(opened += 1)}`));
  sockets.push(socket);
  return socket;
}

/** Everything received behind the welcome. */
const answers = (socket: RawSocket): Frame[] => socket.frames.filter(({ type }) => type !== "welcome");

/** What the session still answers shows that it is open, and that nothing else was answered before. */
async function answersUpTo(socket: RawSocket, ref: string): Promise<Frame[]> {
  socket.send(JSON.stringify({ type: "ping", ref }));
  await socket.waitFor((frame) => frame.type === "pong" && frame.ref === ref);
  return answers(socket).filter((frame) => frame.type !== "pong");
}

async function talk(what: string): Promise<void> {
  const [speaker, ...listeners] = bystanders;
  const sent = await speaker?.send("quiet", what);
  expect(sent, what).toMatchObject({ type: "ok" });
  await Promise.all(listeners.map((each) => each.waitFor(({ type, id }) => type === "message" && id === sent?.id)));
}

async function expectUndisturbed(): Promise<void> {
  await talk("are you still there?");
  for (const each of bystanders) {
    expect(each.problems()).toEqual([]);
    expect(each.history.events.filter(({ kind }) => kind === "closed")).toEqual([]);
  }
  for (const name of ["edge-1", "edge-2"]) {
    expect((await cluster.metrics(name)).get('rookery_edge_refusals_total{code="internal"}')).toBe(0);
  }
}

interface Row {
  what: string;
  bytes: string | Uint8Array;
  code: string;
  /** Names what is wrong. */
  says: RegExp;
  /** The ref of the answer; undefined when the frame's could not be read. */
  ref: string | undefined;
}

const ID = "V1StGXR8_Z5jdHi6B-myT";
const SEND = { type: "send", ref: "r1", channel: "quiet", clientId: "k1", body: "hello" } as const;
const JOIN = { type: "join", ref: "r1", channel: "quiet" } as const;
const PING = { type: "ping", ref: "r1" } as const;

/** A frame that is JSON: its ref comes back. */
const frame = (what: string, value: object, code: string, says: RegExp): Row => ({
  ...{ what, code, says, ref: "r1" },
  bytes: JSON.stringify(value),
});
/** Text or bytes in which no ref can be trusted. */
const raw = (what: string, bytes: string | Uint8Array, code: string, says: RegExp): Row => ({
  ...{ what, bytes, code, says, ref: undefined },
});
const without = (key: keyof typeof SEND): object =>
  Object.fromEntries(Object.entries(SEND).filter(([name]) => name !== key));
const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));
const longest = (): string => JSON.stringify(PING).padEnd(LAYER_BYTES);
const keys = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]));

const MALFORMED: Row[] = [
  raw("nothing at all", "", "bad_frame", /JSON/),
  raw("half a frame", '{"type":"ping"', "bad_frame", /JSON/),
  raw("two frames in one", '{"type":"ping"}{"type":"ping"}', "bad_frame", /JSON/),
  raw("a raw control character", '{"type":"ping","ref":"\u0001"}', "bad_frame", /JSON/),
  raw("a byte order mark", '\ufeff{"type":"ping"}', "bad_frame", /JSON/),
  raw("a list", '[{"type":"ping"}]', "bad_frame", /object/),
  raw("null", "null", "bad_frame", /object/),
  raw("a string", '"ping"', "bad_frame", /object/),
  raw("a number", "1e999", "bad_frame", /object/),
  frame("no type", { ref: "r1" }, "bad_frame", /"type"/),
  frame("a type that is a number", { ref: "r1", type: 7 }, "bad_frame", /"type"/),
  frame("an unknown type", { ref: "r1", type: "shout" }, "unknown_type", /"shout"/),
  frame("a type named like a method", { ref: "r1", type: "toString" }, "unknown_type", /"toString"/),
  frame("a type of the server", { ref: "r1", type: "message" }, "unknown_type", /"message"/),
  raw("a ref that is a number", JSON.stringify({ ...PING, ref: 1 }), "bad_frame", /"ref"/),
  raw("an empty ref", JSON.stringify({ ...PING, ref: "" }), "invalid", /"ref"/),
  raw("a ref of 65 characters", JSON.stringify({ ...PING, ref: "r".repeat(65) }), "invalid", /"ref"/),
];

const SHAPES: Row[] = [
  { ...frame("one byte over 16 KiB", PING, "too_large", /16384/), bytes: JSON.stringify(PING).padEnd(FRAME_BYTES + 1) },
  { ...frame("all that the layer lets through", PING, "too_large", /16384/), bytes: longest() },
  frame(
    "a send over 16 KiB, its ref last",
    { type: "send", body: "x".repeat(70_000), ref: "r1" },
    "too_large",
    /16384/,
  ),
  raw(
    "a send over 16 KiB, a ref in its meta",
    `{"meta":{"ref":"r1"},"body":"${"x".repeat(17_000)}"}`,
    "too_large",
    /16384/,
  ),
  frame("17 levels", { ...PING, x: nested(16) }, "bad_frame", /16 levels/),
  {
    ...frame("8,000 levels", PING, "bad_frame", /16 levels/),
    bytes: `{"type":"ping","ref":"r1","x":${"[".repeat(8000)}${"]".repeat(8000)}}`,
  },
  frame("17 levels of an unknown type", { ref: "r1", type: "shout", x: nested(16) }, "bad_frame", /16 levels/),
  frame("65 keys", { ...PING, ...keys(63) }, "bad_frame", /64 keys/),
  frame("65 keys below", { ...PING, x: [keys(65)] }, "bad_frame", /64 keys/),
  frame("65 keys in meta", { ...SEND, meta: keys(65) }, "bad_frame", /"meta"/),
  ...["__proto__", "constructor", "prototype"].flatMap((key) => [
    { ...frame(key, PING, "bad_frame", new RegExp(key)), bytes: `{"type":"ping","ref":"r1","${key}":{}}` },
    {
      ...frame(`${key} below`, PING, "bad_frame", new RegExp(key)),
      bytes: `{"type":"ping","ref":"r1","x":[{"${key}":{"isAdmin":true}}]}`,
    },
    {
      ...frame(`${key} in meta`, PING, "bad_frame", /"meta"/),
      bytes: JSON.stringify({ ...SEND, meta: 0 }).replace('"meta":0', `"meta":{"${key}":"x"}`),
    },
    {
      ...frame(`${key} in after`, PING, "bad_frame", new RegExp(key)),
      bytes: JSON.stringify({ ...JOIN, after: 0 }).replace('"after":0', `"after":{"epoch":1,"seq":1,"${key}":1}`),
    },
  ]),
  {
    ...frame("__proto__ behind an escape", PING, "bad_frame", /__proto__/),
    bytes: '{"type":"ping","ref":"r1","\\u005f_proto__":1}',
  },
];

const FIELDS: Row[] = [
  ...(["channel", "clientId", "body"] as const).flatMap((name) => [
    frame(`send without ${name}`, without(name), "bad_frame", new RegExp(`^send: "${name}" is absent`)),
    ...[null, 7, true, {}, []].map((value) =>
      frame(
        `send with ${JSON.stringify(value)} for ${name}`,
        { ...SEND, [name]: value },
        "bad_frame",
        new RegExp(`^send: "${name}" must be`),
      ),
    ),
  ]),
  frame("an empty channel", { ...SEND, channel: "" }, "invalid", /"channel"/),
  frame("a channel of 65", { ...JOIN, channel: "c".repeat(65) }, "invalid", /"channel"/),
  frame("a channel with a bar", { ...JOIN, channel: "a|b" }, "invalid", /"channel"/),
  frame("a channel with a brace", { ...JOIN, channel: "{p1}" }, "invalid", /"channel"/),
  frame("a channel with a line break", { ...JOIN, channel: "a\n" }, "invalid", /"channel"/),
  frame("a channel beyond ASCII", { ...JOIN, channel: "é" }, "invalid", /"channel"/),
  frame("a clientId with a bar", { ...SEND, clientId: "a|b" }, "invalid", /"clientId"/),
  frame("a clientId of 65", { ...SEND, clientId: "k".repeat(65) }, "invalid", /"clientId"/),
  frame("an empty body", { ...SEND, body: "" }, "invalid", /"body"/),
  frame("a body of nothing visible", { ...SEND, body: "\u202e\u2066" }, "invalid", /"body"/),
  frame("NUL in a body", { ...SEND, body: "a\u0000b" }, "invalid", /"body"/),
  frame("escape in a body", { ...SEND, body: "\u001b[2J" }, "invalid", /"body"/),
  frame("31 marks in a row", { ...SEND, body: `a${"\u0300".repeat(31)}` }, "invalid", /"body" .* 30 combining marks/),
  frame("marks by the thousand", { ...SEND, body: `a${"\u0300".repeat(4000)}` }, "too_large", /"body" is over 4096/),
  {
    ...frame("a number that no double holds", SEND, "invalid", /"meta" .* double/),
    bytes: JSON.stringify({ ...SEND, meta: 0 }).replace('"meta":0', '"meta":{"id":12345678901234567890}'),
  },
  frame("DEL in a body", { ...SEND, body: "\u007f" }, "invalid", /"body"/),
  frame("C1 in a body", { ...SEND, body: "\u0085" }, "invalid", /"body"/),
  frame("a high surrogate alone", { ...SEND, body: "\ud83d" }, "invalid", /"body"/),
  frame("a low surrogate alone", { ...SEND, body: "a\ude00b" }, "invalid", /"body"/),
  frame("a lone surrogate in meta", { ...SEND, meta: { a: "\ud800" } }, "invalid", /"meta"/),
  frame("a control character in meta", { ...SEND, meta: { a: "\u0007" } }, "invalid", /"meta"/),
  frame("a body of 4,097 bytes", { ...SEND, body: "x".repeat(4097) }, "too_large", /"body" is over 4096/),
  frame("a body of 2,049 é", { ...SEND, body: "é".repeat(2049) }, "too_large", /"body" is over 4096/),
  frame("meta of 1,025 bytes", { ...SEND, meta: { a: "x".repeat(1017) } }, "too_large", /"meta" is over 1024/),
  frame("a list for meta", { ...SEND, meta: [] }, "bad_frame", /"meta"/),
  frame("an object in meta", { ...SEND, meta: { a: {} } }, "bad_frame", /"meta"/),
  frame("a replyTo that is no id", { ...SEND, replyTo: "short" }, "invalid", /"replyTo"/),
  frame("after as text", { ...JOIN, after: "1-1" }, "bad_frame", /"after"/),
  frame("after without seq", { ...JOIN, after: { epoch: 1 } }, "bad_frame", /"after\.seq"/),
  frame("an epoch of 2^53", { ...JOIN, after: { epoch: 2 ** 53, seq: 1 } }, "invalid", /"after\.epoch"/),
  frame("half a seq", { ...JOIN, after: { epoch: 1, seq: 0.5 } }, "invalid", /"after\.seq"/),
  frame("a negative seq", { ...JOIN, after: { epoch: 1, seq: -1 } }, "invalid", /"after\.seq"/),
  frame("a limit of 0", { ...JOIN, limit: 0 }, "invalid", /"limit"/),
  frame("a limit as text", { ...JOIN, limit: "5" }, "bad_frame", /"limit"/),
  frame("persisted as a number", { ...JOIN, persisted: 1 }, "bad_frame", /"persisted"/),
  frame("join with both forms", { ...JOIN, joins: [{ channel: "quiet" }] }, "invalid", /joins/),
  frame("no joins", { type: "join", ref: "r1", joins: [] }, "invalid", /"joins"/),
  frame(
    "101 joins",
    { type: "join", ref: "r1", joins: Array.from({ length: 101 }, () => ({ channel: "c" })) },
    "invalid",
    /"joins"/,
  ),
  frame("a join without channel", { type: "join", ref: "r1", joins: [{}] }, "bad_frame", /"joins\[0\]\.channel"/),
  frame(
    "history both ways",
    { ...JOIN, type: "history", before: { epoch: 1, seq: 1 }, after: { epoch: 1, seq: 1 } },
    "invalid",
    /before.*after|after.*before/,
  ),
  frame("auth without token", { type: "auth", ref: "r1" }, "bad_frame", /"token"/),
  frame("a token over 8 KiB", { type: "auth", ref: "r1", token: "t".repeat(8193) }, "invalid", /"token"/),
];

/** Right in form, refused for what they ask. */
const COMMANDS: Row[] = [
  frame("send without having joined", { ...SEND, channel: "elsewhere" }, "not_joined", /join/),
  frame("leave without having joined", { ...JOIN, type: "leave" }, "not_joined", /join/),
  frame("history without having joined", { ...JOIN, type: "history" }, "not_joined", /join/),
  frame("typing without having joined", { ...JOIN, type: "typing", on: true }, "not_joined", /join/),
  frame("members without having joined", { ...JOIN, type: "members" }, "not_joined", /join/),
  frame("a direct channel of others", { ...JOIN, channel: "dm:a-b" }, "not_found", /channel/),
  ...[
    { type: "edit", id: ID, body: "other" },
    { type: "delete", id: ID },
    { type: "react", id: ID, emoji: "👍", on: true },
    { type: "read", epoch: 1, seq: 1 },
  ].map((value) =>
    frame(`${value.type} without having joined`, { ref: "r1", channel: "elsewhere", ...value }, "not_joined", /join/),
  ),
];

describe("a frame that may not be", () => {
  it.each([...MALFORMED, ...SHAPES, ...FIELDS, ...COMMANDS].map((row) => [row.what, row] as const))(
    "%s is answered once, by name and ref, and the session goes on",
    async (_, { bytes, code, says, ref }) => {
      const socket = await open();
      socket.send(bytes);
      // A join may wait for Redis, and nothing of other channels waits for it.
      await socket.waitFor(({ type }) => type === "error");
      const [answer, ...more] = await answersUpTo(socket, "after");
      expect(answer).toMatchObject({ type: "error", code, retry: "never", message: expect.stringMatching(says) });
      expect(answer?.ref).toBe(ref);
      expect(more).toEqual([]);
      socket.close();
      expect((await socket.closed).code).toBe(1000);
    },
  );

  it("is refused as binary, whatever it holds", async () => {
    const socket = await open();
    socket.sendBinary(Buffer.from(JSON.stringify(PING)));
    const told = await answersUpTo(socket, "after");
    expect(told).toMatchObject([{ type: "error", code: "bad_frame", message: expect.stringMatching(/binary/) }]);
  });

  it("is taken at exactly its limit: 16 KiB, 16 levels, 64 keys", async () => {
    const socket = await open();
    socket.send(JSON.stringify({ ...PING, ref: "size" }).padEnd(FRAME_BYTES));
    socket.send(JSON.stringify({ ...PING, ref: "depth", x: nested(15) }));
    socket.send(JSON.stringify({ ...PING, ref: "keys", ...keys(62) }));
    expect(await answersUpTo(socket, "after")).toEqual([]);
    expect(answers(socket).map(({ ref }) => ref)).toEqual(["size", "depth", "keys", "after"]);
  });

  it.each([
    ["one byte over 256 KiB", Buffer.alloc(LAYER_BYTES + 1, 0x20)],
    ["a megabyte", Buffer.alloc(1024 * KIB, 0x20)],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ["a surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["an overlong slash", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ])("%s cuts the connection, seen as 1006", async (_, bytes) => {
    const socket = await open();
    socket.send(bytes);
    expect((await socket.closed).code).toBe(1006);
    expect(answers(socket)).toEqual([]);
  });

  it("other content under a used clientId is a conflict", async () => {
    const socket = await open();
    socket.send(JSON.stringify({ ...JOIN, channel: "conflicts", ref: "join" }));
    socket.send(JSON.stringify({ ...SEND, channel: "conflicts", ref: "first" }));
    socket.send(JSON.stringify({ ...SEND, channel: "conflicts", ref: "second", body: "other" }));
    const answer = await socket.waitFor(({ ref }) => ref === "second");
    expect(answer).toMatchObject({ type: "error", code: "conflict", retry: "never" });
  });

  it("an error is told also when no ref asked for an answer, and an ok is not", async () => {
    const socket = await open();
    socket.send(JSON.stringify({ type: "join", channel: "silent" }));
    socket.send(JSON.stringify({ type: "send", channel: "nowhere", clientId: "k", body: "b" }));
    await socket.waitFor(({ type }) => type === "error");
    const told = await answersUpTo(socket, "after");
    expect(told).toMatchObject([{ type: "error", code: "not_joined" }]);
    expect(told[0]).not.toHaveProperty("ref");
  });
});

describe("too much", () => {
  it("of bad frames: the tenth within a minute closes with 4500, nine do not", async () => {
    const socket = await open();
    for (let n = 0; n < 9; n += 1) socket.send("{");
    expect(await answersUpTo(socket, "nine")).toHaveLength(9);
    socket.send("{");
    socket.send(JSON.stringify({ ...PING, ref: "late" }));
    expect(await socket.closed).toEqual({ code: 4500, reason: "protocol" });
    expect(answers(socket).filter(({ code }) => code === "bad_frame")).toHaveLength(10);
    expect(answers(socket).some(({ ref }) => ref === "late")).toBe(false);
  });

  it("of refusals of another kind does not close with 4500", async () => {
    const socket = await open();
    for (let n = 0; n < 30; n += 1) socket.send(JSON.stringify({ ...SEND, body: "", ref: `r${n}` }));
    expect(await answersUpTo(socket, "after")).toHaveLength(30);
  });

  it("of commands is rate_limited with a time after which they pass again", async () => {
    const socket = await open();
    for (let n = 0; n < 150; n += 1) socket.send(JSON.stringify({ ...PING, ref: `r${n}` }));
    await socket.waitFor(({ ref }) => ref === "r149");
    const refused = answers(socket).filter(({ type }) => type === "error");
    // The bucket holds 100 and fills by 50 a second while it is emptied.
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(50);
    for (const each of refused) {
      expect(each).toMatchObject({ code: "rate_limited", retry: "later" });
      expect(each.retryAfterMs).toBeGreaterThan(0);
      expect(each.retryAfterMs).toBeLessThanOrEqual(1000);
    }
    await eventually(async () => {
      const ref = `again-${answers(socket).length}`;
      socket.send(JSON.stringify({ ...PING, ref }));
      return (await socket.waitFor((each) => each.ref === ref)).type === "pong";
    });
  });

  it("of sends is rate_limited while other commands pass, and what was refused is nowhere", async () => {
    const socket = await open();
    socket.send(JSON.stringify({ ...JOIN, channel: "flood", ref: "join" }));
    await socket.waitFor(({ ref }) => ref === "join");
    for (let n = 0; n < 80; n += 1) {
      const body = `flood ${n}`;
      socket.send(JSON.stringify({ ...SEND, channel: "flood", ref: `s${n}`, clientId: `k${n}`, body }));
    }
    socket.send(JSON.stringify({ ...PING, ref: "between" }));
    expect(await socket.waitFor(({ ref }) => ref === "between")).toMatchObject({ type: "pong" });
    const outcomes = await Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        socket.waitFor(({ ref, type }) => ref === `s${n}` && (type === "ok" || type === "error")),
      ),
    );
    const refused = outcomes.filter(({ type }) => type === "error");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(40);
    for (const each of refused) expect(each).toMatchObject({ code: "rate_limited", retry: "later" });
    const accepted = outcomes.filter(({ type }) => type === "ok").map(({ id }) => id);
    const rows = await eventually(async () => {
      const found = await cluster.rows("flood");
      return found.length >= accepted.length && found;
    });
    expect(rows.map(({ id }) => id)).toEqual(accepted);
  });

  it("of sends at once is let in by and by when each waits as it was told, and nobody is closed", async () => {
    const socket = await open();
    socket.send(JSON.stringify({ ...JOIN, channel: "patience", ref: "join" }));
    await socket.waitFor(({ ref }) => ref === "join");
    const untilOk = async (n: number): Promise<number> => {
      for (let refusals = 0; ; refusals += 1) {
        const ref = `p${n}-${refusals}`;
        socket.send(JSON.stringify({ ...SEND, channel: "patience", ref, clientId: `k${n}`, body: `patience ${n}` }));
        const answer = await socket.waitFor((each) => each.ref === ref);
        if (answer.type === "ok") return refusals;
        expect(answer).toMatchObject({ code: "rate_limited", retry: "later" });
        await new Promise((resolve) => setTimeout(resolve, Number(answer.retryAfterMs)));
      }
    };
    const refusals = await Promise.all(Array.from({ length: 200 }, (_, n) => untilOk(n)));
    // By the rate of all frames, then by that of sends; hardly ever because another frame took a turn first.
    expect(refusals.filter((count) => count > 2).length).toBeLessThan(20);
    expect(answers(socket).filter(({ type, duplicate }) => type === "ok" && duplicate !== true)).toHaveLength(201);
  });

  it("of refusals, 500 within 10 s, closes with 4006", async () => {
    const socket = await open();
    for (let n = 0; n < 1000; n += 1) socket.send(JSON.stringify(PING));
    expect(await socket.closed).toEqual({ code: 4006, reason: "too_fast" });
    // More by as many as found a turn of one that was refused before them.
    expect(answers(socket).filter(({ code }) => code === "rate_limited").length).toBeGreaterThanOrEqual(500);
  });

  it("disturbs nobody else", expectUndisturbed);
});

/** Marsaglia's xorshift with 32 bits: the same frames at every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function createFuzz(random: () => number) {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(from: readonly [T, ...T[]]): T => from[below(from.length)] ?? from[0];
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));
  const text = (): string => String.fromCodePoint(...Array.from({ length: below(40) }, () => below(0xd7ff)));
  const value = (depth: number): unknown =>
    pick<() => unknown>([
      () => null,
      () => random() < 0.5,
      () => (random() - 0.5) * 10 ** below(30),
      text,
      () => pick(["quiet", "fuzz", ID, "__proto__", "", "\u0000", "👍", "dm:a"]),
      () => (depth > 3 ? [] : Array.from({ length: below(4) }, () => value(depth + 1))),
      () => (depth > 3 ? {} : tree(depth + 1)),
    ])();
  const names = ["ref", "channel", "clientId", "body", "meta", "after", "before", "joins", "limit", "token", "on"];
  const tree = (depth: number): object =>
    Object.fromEntries(
      Array.from({ length: below(6) }, () => [
        random() < 0.7 ? (names[below(names.length)] ?? "") : text(),
        value(depth),
      ]),
    );
  const types = ["auth", "join", "leave", "send", "history", "ping", "edit", "react", "read", "members", "x"];
  const shaped = (): string => JSON.stringify({ type: types[below(types.length)], ...tree(1) });
  const flipped = (): Buffer => {
    const good = Buffer.from(JSON.stringify(pick<object>([SEND, JOIN, PING, { ...JOIN, type: "history" }])));
    for (let n = below(4); n >= 0; n -= 1) good[below(good.length)] = 0x20 + below(0x5f);
    return good.subarray(0, random() < 0.3 ? below(good.length) : good.length);
  };
  return { below, bytes, shaped, flipped, random };
}

type Fuzz = ReturnType<typeof createFuzz>;

/** One hostile connection: until it is thrown out or has nothing more to say. */
async function misbehave(fuzz: Fuzz): Promise<{ code: number; frames: Frame[] }> {
  const socket = await open();
  for (let n = 0; n < 25; n += 1) {
    const kind = fuzz.random();
    if (kind < 0.02) socket.send(fuzz.bytes(fuzz.below(200)));
    else if (kind < 0.05) socket.sendBinary(fuzz.bytes(fuzz.below(2000)));
    else socket.send(kind < 0.6 ? fuzz.shaped() : fuzz.flipped());
  }
  socket.close();
  return { code: (await socket.closed).code, frames: answers(socket) };
}

/** Bytes below the WebSocket layer: instead of a request, or right after the upgrade. Resolves when the server hung up. */
async function scribble(fuzz: Fuzz, isUpgraded: boolean): Promise<void> {
  const { hostname, port } = new URL(cluster.ready.ws[0] ?? "");
  const socket = connectTcp({ host: hostname, port: Number(port) });
  const ended = once(socket, "close");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  if (isUpgraded) {
    const token = cluster.token(`hostile-${(opened += 1)}`);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    let answer = "";
    while (!answer.includes("\r\n\r\n")) answer += String(await once(socket, "data"));
    if (!answer.startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${answer.slice(0, 100)}`);
  }
  socket.resume();
  socket.write(fuzz.bytes(1 + fuzz.below(400)));
  socket.end();
  await ended;
}

const ERROR_CODES = new Set([
  ...["bad_frame", "invalid", "too_large", "unknown_type", "unauthenticated", "not_found", "not_joined"],
  ...["rate_limited", "conflict", "forbidden"],
]);

describe("random bytes", () => {
  it("are answered as documented or cut, for seconds, while others talk", async () => {
    const fuzz = createFuzz(seeded(20_261_123));
    const codes = new Set<number>();
    for (let wave = 0; wave < 25; wave += 1) {
      const ends = await Promise.all(Array.from({ length: 8 }, () => misbehave(fuzz)));
      await Promise.all(Array.from({ length: 4 }, (_, n) => scribble(fuzz, n % 2 === 0)));
      for (const { code, frames } of ends) {
        codes.add(code);
        const wrong = frames.filter(({ type, code: why }) => type === "error" && !ERROR_CODES.has(String(why)));
        expect(wrong, `wave ${wave}`).toEqual([]);
      }
      await talk(`wave ${wave}`);
    }
    expect([...codes].filter((code) => ![1000, 1006, 4401, 4500].includes(code))).toEqual([]);
    expect(codes, "thrown out for protocol errors").toContain(4500);
    await expectUndisturbed();
  });
});
