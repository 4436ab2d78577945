// What one frame may cost the stores, counted where it is paid: bytes that Redis sent, statements that went to Postgres.
// One edge on a Redis and a database of this file's own.
import { createMinter } from "@rookery/auth";
import { createKeys, createPartitions } from "@rookery/broker";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import type { Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchEdge } from "./edge-process.ts";
import { openWelcomed } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";
import { startStatementCounter } from "./statement-counter.ts";
import type { StatementCounter } from "./statement-counter.ts";

const EPOCH = 1_700_000_000_000;
const BEGINNING = { epoch: 0, seq: 0 };
const MOST_REDIS_BYTES = 1_500_000;
/** Beside the pages: what is unread is counted by the newest messages of each channel, of which the edge reads once who wrote them. */
const MOST_TAIL_BYTES = 2_500_000;
/** Rights four where channels make themselves, heads and pages at most two of each; read positions and counts as they come up, one in 20 ms. */
const MOST_STATEMENTS = 20;
/** What an edge reads on the side, a while after somebody of a partition came whom it has not watched until then. */
const FLOORS = /from outbox_positions/;
const ROOT = "r00000000000000000000";
const UNANSWERED = "a00000000000000000000";
const ISSUED = { secret: "bounded-reads-secret-0123456789-abcdef", issuer: "rookery", audience: "rookery" };

const { redis, url: redisUrl } = await testRedis();
const { sql, url: postgresUrl } = await testPostgres();
const keys = createKeys(createPartitions(64));
const minter = createMinter(ISSUED);

let counter: StatementCounter;
let ws: string;
let opened = 0;
const sockets: RawSocket[] = [];
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  counter = await startStatementCounter(postgresUrl, FLOORS);
  const settings = {
    ROOKERY_REDIS_URL: redisUrl,
    ROOKERY_POSTGRES_URL: counter.url,
    ROOKERY_JWT_SECRET: ISSUED.secret,
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
  };
  const edge = await launchEdge(settings, (stop) => stops.push(stop));
  ws = edge.ws;
});
afterAll(async () => {
  for (const socket of sockets) socket.cut();
  await Promise.all(stops.map((stop) => stop()));
  counter.close();
});

async function open(): Promise<RawSocket> {
  const { token } = await minter.mint({ user: `reader-${(opened += 1)}`, ttlSec: 600 });
  const socket = await openWelcomed(ws, token);
  sockets.push(socket);
  return socket;
}

async function ask(socket: RawSocket, frame: { ref: string } & Record<string, unknown>): Promise<Frame> {
  socket.send(JSON.stringify(frame));
  return socket.waitFor(({ ref }) => ref === frame.ref);
}

const sentByRedis = async (): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(await redis.info("stats"))?.[1]);

/** What a session that has just been welcomed made the edge read on the side is over: nothing was asked for a while. */
async function nothingIsAsked(): Promise<void> {
  let before = Number.NaN;
  await eventually(() => counter.count() === before || ((before = counter.count()), false), { everyMs: 50 });
}

/** What `work` made Redis send and Postgres do. */
async function costOf<Answer>(work: () => Promise<Answer>) {
  await nothingIsAsked();
  const before = { bytes: await sentByRedis(), statements: counter.count() };
  const answer = await work();
  return { answer, bytes: (await sentByRedis()) - before.bytes, statements: counter.count() - before.statements };
}

/** As though these channels had been spoken in, as the publish script writes it. None of it is in Postgres. */
const HOT = `
  for seq = 1, ARGV[4] + 0 do
    local place = ',"epoch":' .. ARGV[2] .. ',"seq":' .. string.format("%d", seq) .. ',"at":1'
    local text = ',"id":"m' .. string.format("%020d", seq) .. '","clientId":"c","user":"u","name":"n","body":"'
    local frame = '{"type":"message","channel":"' .. ARGV[1] .. '"' .. place .. text .. string.rep("x", ARGV[3]) .. '"}'
    redis.call("XADD", KEYS[1], ARGV[2] .. "-" .. string.format("%d", seq), "f", frame)
  end
  redis.call("HSET", KEYS[2], "epoch", ARGV[2], "seq", ARGV[4], "saved", "0-0", "prev", "0-0")
  redis.call("HSET", KEYS[3], "epoch", ARGV[2], "born", ARGV[2])`;

async function speakInRedis(channels: readonly string[], messages: number, bodyBytes: number): Promise<void> {
  for (const channel of channels) {
    const { log, head, partition } = keys.channel(channel);
    const { part } = keys.partition(partition);
    await redis.eval(HOT, 3, log, head, part, channel, String(EPOCH), String(bodyBytes), String(messages));
  }
}

/** Rows of which Redis knows nothing. Every so many of them, one is an answer to `ROOT`. */
async function speakInPostgres(channel: string, messages: number, answerEvery = messages + 1): Promise<void> {
  await sql`
    insert into messages (channel, epoch, seq, kind, id, client_id, author, name, body, reply_to, at)
    select ${channel}, ${EPOCH}, n, 'message', 'm' || lpad(n::text, 20, '0'), 'c', 'u', 'n', repeat('x', 100),
      case when n % ${answerEvery}::integer = 0 then ${ROOT}::text end, 1
    from generate_series(1, ${messages}::integer) as n`;
}

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

describe("one frame", () => {
  it("that joins 100 channels of 200 messages of 4 kB is paid from one budget, and each page says that there is more", async () => {
    const channels = names("hot", 100);
    await speakInRedis(channels, 200, 4_000);
    const socket = await open();
    const joins = channels.map((channel, n) => (n % 2 === 0 ? { channel } : { channel, after: BEGINNING }));
    const { answer, bytes, statements } = await costOf(() =>
      ask(socket, { type: "join", ref: "all", joins, limit: 200 }),
    );
    expect(bytes).toBeLessThanOrEqual(MOST_REDIS_BYTES + MOST_TAIL_BYTES);
    expect(statements).toBeLessThanOrEqual(MOST_STATEMENTS);
    const again = { type: "join", ref: "again", joins: channels.map((channel) => ({ channel })), limit: 200 };
    const { bytes: known } = await costOf(async () => ask(await open(), again));
    expect(known).toBeLessThanOrEqual(MOST_REDIS_BYTES);
    const results = answer.results ?? [];
    expect(results.map(({ type, channel, more, seq }) => [type, channel, more, seq])).toEqual(
      channels.map((channel) => ["ok", channel, true, 200]),
    );
    expect(results.filter(({ recovered }) => recovered === true)).toHaveLength(50);
    expect(results.flatMap(({ messages = [] }) => messages).length).toBeGreaterThan(10);

    // What a client does with `more`: it pages on, and comes to the end without a hole.
    const seqs: number[] = [];
    let after = BEGINNING;
    for (let more = true; more;) {
      const page = await ask(socket, { type: "history", ref: `on-${after.seq}`, channel: "hot-99", after, limit: 200 });
      expect(page.type).toBe("ok");
      seqs.push(...(page.messages ?? []).map(({ seq = 0 }) => seq));
      after = { epoch: EPOCH, seq: seqs.at(-1) ?? 0 };
      more = page.more === true;
    }
    expect(seqs).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  });

  it("that joins 100 channels which only Postgres knows costs a handful of statements", async () => {
    const channels = names("cold", 100);
    for (const channel of channels.slice(0, 90)) await speakInPostgres(channel, 30);
    const socket = await open();
    const joins = channels.map((channel, n) => (n % 3 === 0 ? { channel } : { channel, after: BEGINNING }));
    const { answer, bytes, statements } = await costOf(() => ask(socket, { type: "join", ref: "all", joins }));
    expect(statements).toBeLessThanOrEqual(MOST_STATEMENTS);
    expect(bytes).toBeLessThanOrEqual(MOST_REDIS_BYTES);
    const results = answer.results ?? [];
    expect(results.map(({ type, channel, seq }) => [type, channel, seq])).toEqual(
      channels.map((channel, n) => ["ok", channel, n < 90 ? 30 : 0]),
    );
    for (const { messages = [], more } of results.slice(0, 5)) {
      const seqs = messages.map(({ seq = 0 }) => seq);
      const from = seqs[0] ?? 0;
      expect([seqs.length > 10, more]).toEqual([true, true]);
      expect(seqs).toEqual(seqs.map((_, n) => from + n));
    }
    // without a position the newest, otherwise what follows it
    expect([results[0]?.messages?.at(-1)?.seq, results[1]?.messages?.[0]?.seq]).toEqual([30, 1]);
  });

  it("is answered for each channel also when Postgres answers what nobody expects of some", async () => {
    const socket = await open();
    await ask(socket, { type: "join", ref: "known", channel: "known-before" });
    await sql`alter table channels rename to channels_elsewhere`;
    try {
      const joins = ["known-before", "new-1", "new-2"].map((channel) => ({ channel }));
      expect(await ask(socket, { type: "join", ref: "all", joins })).toMatchObject({
        type: "ok",
        results: [
          { type: "ok", channel: "known-before" },
          { type: "error", code: "internal", channel: "new-1" },
          { type: "error", code: "internal", channel: "new-2" },
        ],
      });
    } finally {
      await sql`alter table channels_elsewhere rename to channels`;
    }
  });

  it("that names a channel twice answers twice, after what was asked before it and before what was asked after", async () => {
    const socket = await open();
    for (const frame of [
      { type: "join", ref: "1", channel: "again" },
      { type: "send", ref: "2", channel: "again", clientId: "c1", body: "hello" },
      {
        type: "join",
        ref: "3",
        joins: [{ channel: "again" }, { channel: "dm:x" }, { channel: "again", after: BEGINNING }],
      },
      { type: "leave", ref: "4", channel: "again" },
    ])
      socket.send(JSON.stringify(frame));
    await socket.waitFor(({ ref }) => ref === "4");
    const answers = socket.frames.filter(({ ref }) => ref !== undefined);
    expect(answers.map(({ ref, type }) => `${ref} ${type}`)).toEqual(["1 ok", "2 ok", "3 ok", "4 ok"]);
    expect(answers[2]?.results).toMatchObject([
      { type: "ok", channel: "again", recovered: false, messages: [{ body: "hello" }] },
      { type: "error", code: "not_found", channel: "dm:x" },
      { type: "ok", channel: "again", recovered: true, messages: [{ body: "hello" }] },
    ]);
  });

  it("that asks for the first answer among 15,000 messages finds it, or none, by the index", async () => {
    await speakInPostgres("long", 15_000, 7_000);
    const socket = await open();
    await ask(socket, { type: "join", ref: "in", channel: "long" });
    const first = { type: "history", channel: "long", after: BEGINNING, limit: 1 };
    const absent = await costOf(() => ask(socket, { ...first, ref: "none", replyTo: UNANSWERED }));
    expect(absent.answer).toMatchObject({ type: "ok", messages: [], more: false });
    expect(absent.statements).toBeLessThanOrEqual(MOST_STATEMENTS);
    const found = await costOf(() => ask(socket, { ...first, ref: "some", replyTo: ROOT }));
    expect(found.answer).toMatchObject({ type: "ok", messages: [{ seq: 7_000 }], more: true });
    expect(found.statements).toBeLessThanOrEqual(MOST_STATEMENTS);
    const next = { ...first, after: { epoch: EPOCH, seq: 7_000 }, replyTo: ROOT };
    expect(await ask(socket, { ...next, ref: "next" })).toMatchObject({ messages: [{ seq: 14_000 }], more: false });
  });

  it("that searches a log which Postgres does not have makes Redis send no more than one that pages through it", async () => {
    await speakInRedis(["unstored"], 3_000, 2_000);
    const socket = await open();
    await ask(socket, { type: "join", ref: "in", channel: "unstored", limit: 1 });
    const wish = { type: "history", channel: "unstored", limit: 1, replyTo: UNANSWERED };
    for (const [ref, from] of Object.entries({ forward: { after: BEGINNING }, backward: {} })) {
      const { answer, bytes, statements } = await costOf(() => ask(socket, { ...wish, ...from, ref }));
      expect(answer).toMatchObject({ type: "error", code: "unavailable", retry: "later" });
      expect(bytes).toBeLessThanOrEqual(MOST_REDIS_BYTES);
      expect(statements).toBeLessThanOrEqual(MOST_STATEMENTS);
    }
  });

  it("costs its session what it cost the stores: repeated at once it is refused, while a client that pages is not", async () => {
    const channels = names("hot", 100);
    const [greedy, honest] = [await open(), await open()];
    const { bytes } = await costOf(async () => {
      const joins = channels.map((channel) => ({ channel }));
      for (let n = 0; n < 60; n += 1) greedy.send(JSON.stringify({ type: "join", ref: `j${n}`, joins, limit: 200 }));
      await greedy.waitFor(({ ref }) => ref === "j59");
      await Promise.all(Array.from({ length: 60 }, (_, n) => greedy.waitFor(({ ref }) => ref === `j${n}`)));
    });
    const refused = greedy.frames.filter(({ code }) => code === "rate_limited");
    expect(refused.length).toBeGreaterThan(10);
    expect(bytes).toBeLessThanOrEqual((60 - refused.length) * MOST_REDIS_BYTES);

    const joins = channels.map((channel) => ({ channel, after: { epoch: EPOCH, seq: 195 } }));
    expect((await ask(honest, { type: "join", ref: "all", joins })).results).toHaveLength(100);
    for (const channel of channels.slice(0, 80)) {
      const after = { epoch: EPOCH, seq: 196 };
      expect(await ask(honest, { type: "history", ref: channel, channel, after })).toMatchObject({ more: false });
    }
    expect(honest.frames.filter(({ type }) => type === "error")).toEqual([]);
  });
});

describe("a join that the log can answer asks Postgres for nothing but how far its user has read, once", () => {
  let asked = 0;
  const joinOf = async (socket: RawSocket, frame: Record<string, unknown>) => {
    asked += 1;
    const join = { type: "join", ref: `in-${asked}`, limit: 3, ...frame };
    const { answer, statements } = await costOf(() => ask(socket, join));
    return [answer.messages?.map(({ seq }) => seq), answer.more, statements];
  };
  /** Makes the channel and this edge follow it, which asks Postgres whether it is there and where it stands. */
  const follow = async (channel: string): Promise<void> => {
    await ask(await open(), { type: "join", ref: "first", channel, limit: 1 });
  };

  it("in an empty channel", async () => {
    await follow("silent");
    expect(await joinOf(await open(), { channel: "silent" })).toEqual([[], false, 0]);
    expect(await joinOf(await open(), { channel: "silent", after: BEGINNING })).toEqual([[], false, 0]);
    const { answer, statements } = await costOf(async () =>
      ask(await open(), { type: "join", ref: "several", joins: [{ channel: "silent" }] }),
    );
    expect([answer.results?.[0]?.seq, statements]).toEqual([0, 0]);
  });

  it("in a channel whose log holds the first message, and on from a position in the log", async () => {
    await speakInRedis(["young"], 3, 10);
    await follow("young");
    const socket = await open();
    expect(await joinOf(socket, { channel: "young", limit: 50 })).toEqual([[1, 2, 3], false, 1]);
    expect(await joinOf(socket, { channel: "young", limit: 50 })).toEqual([[1, 2, 3], false, 0]);
    expect(await joinOf(socket, { channel: "young", after: { epoch: EPOCH, seq: 2 } })).toEqual([[3], false, 0]);
  });

  it("in a channel whose log reaches the wished page; what does not costs one statement", async () => {
    await speakInRedis(["trimmed"], 5, 10);
    await speakInPostgres("trimmed", 2);
    const { log, head } = keys.channel("trimmed");
    await redis.xtrim(log, "MAXLEN", "=", 3);
    await redis.hset(head, "saved", `${EPOCH}-2`);
    await follow("trimmed");
    const socket = await open();
    await joinOf(socket, { channel: "trimmed" });
    // What is unread reaches below the log, until that is read.
    expect(await joinOf(socket, { channel: "trimmed" })).toEqual([[3, 4, 5], true, 1]);
    await ask(socket, { type: "read", ref: "read", channel: "trimmed", epoch: EPOCH, seq: 3 });
    expect(await joinOf(socket, { channel: "trimmed" })).toEqual([[3, 4, 5], true, 0]);
    expect(await joinOf(socket, { channel: "trimmed", limit: 4 })).toEqual([[2, 3, 4, 5], true, 1]);
  });
});

describe("pages that Postgres does not answer", () => {
  it("leave the connections alone that joins and sends need", async () => {
    const channels = names("stuck", 40);
    const last = { epoch: EPOCH, seq: 3 };
    await speakInRedis(channels, 3, 10);
    for (const channel of channels) {
      await redis.xtrim(keys.channel(channel).log, "MAXLEN", "=", 1);
      await redis.hset(keys.channel(channel).head, "saved", `${EPOCH}-2`);
    }
    const socket = await open();
    await ask(socket, { type: "join", ref: "in", joins: channels.map((channel) => ({ channel, after: last })) });
    const lock = await sql.reserve();
    try {
      await lock`begin`;
      await lock`lock table messages in access exclusive mode`;
      for (const channel of channels)
        socket.send(JSON.stringify({ type: "history", ref: channel, channel, after: BEGINNING }));
      await expect.poll(async () => (await waitingForLock()) > 0, { timeout: 10_000 }).toBe(true);
      // Asks Postgres whether the channel is there, and makes it.
      expect(await ask(socket, { type: "join", ref: "new", channel: "dm:hidden" })).toMatchObject({
        code: "not_found",
      });
      socket.send(JSON.stringify({ type: "join", ref: "made", channel: "brand-new" }));
      const isMade = async (): Promise<boolean> =>
        (await lock`select from channels where id = 'brand-new'`).length === 1;
      await expect.poll(isMade, { timeout: 9_000 }).toBe(true);
      // While the pages still wait: it did not stand behind them.
      expect(socket.frames.filter(({ ref }) => channels.includes(ref ?? ""))).toEqual([]);
    } finally {
      await lock`rollback`;
      lock.release();
    }
  });
});

async function waitingForLock(): Promise<number> {
  const [row] = await sql`select count(*)::integer as waiting from pg_stat_activity where wait_event_type = 'Lock'`;
  return Number(row?.["waiting"]);
}
