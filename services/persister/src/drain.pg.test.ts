// Contract of the drain on a real Redis and a real Postgres: stored once, announced only then, whatever goes wrong.
import {
  composeMessage,
  connectRedis,
  createEpochFloors,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  isReady,
  parseAnnouncement,
  whenReady,
} from "@rookery/broker";
import type { Outbox, OutboxEntry } from "@rookery/broker";
import { formatPosition } from "@rookery/protocol";
import { connectStore, createMessages, createOutboxPositions, saveBatch } from "@rookery/store";
import type { Batch, SaveOutcome } from "@rookery/store";
import { eventually, startProxy, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDrain } from "./drain.ts";
import type { Drain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";

const PARTITIONS = 8;
const ALL = Array.from({ length: PARTITIONS }, (_, n) => n);
const ORIGIN = { epoch: 0, seq: 0 };

const postgres = await testPostgres();
const redis = await testRedis();
const toPostgres = await startProxy({ target: postgres.url });
const toRedis = await startProxy({ target: redis.url });
const partitions = createPartitions(PARTITIONS);
const keys = createKeys(partitions);

const connect = (url: string, use: "commands" | "outbox") => connectRedis({ url, use, commandTimeoutMs: 1_000 });
const commands = connect(redis.url, "commands");
const proxied = [connect(toRedis.url(), "commands"), connect(toRedis.url(), "outbox")] as const;
const store = connectStore({ url: toPostgres.url(), max: 4, application: "drain", statementTimeoutMs: 5_000 });
const direct = connectStore({ url: postgres.url, max: 4, application: "direct", statementTimeoutMs: 5_000 });
const messages = createMessages(direct);
const positions = createOutboxPositions(direct);
const publisher = createPublisher({
  connection: commands,
  keys,
  partitions,
  floors: createEpochFloors(),
  lastSaved: (channel) => messages.last(channel),
  outboxMaxBytes: 2 ** 30,
  deadlineMs: 1_000,
});
const outbox = createOutbox({ connection: proxied[0], reader: proxied[1], keys, logEntries: 1_000 });
await Promise.all([commands, ...proxied].map((connection) => whenReady(connection, 5_000)));

afterAll(async () => {
  for (const connection of [commands, ...proxied]) connection.disconnect();
  await Promise.all([store.close(), direct.close()]);
  await Promise.all([toPostgres.close(), toRedis.close()]);
});

let published = 0;
async function publish(channel: string, count: number): Promise<number[]> {
  const seqs: number[] = [];
  for (let n = 0; n < count; n += 1) {
    published += 1;
    const id = `id-${String(published).padStart(18, "0")}`;
    const draft = {
      channel,
      id,
      clientId: `c${published}`,
      user: `user-${published % 7}`,
      name: "U",
      body: `${published}`,
    };
    const outcome = await publisher.publish({
      ...composeMessage(draft),
      rightsVersion: 0,
      slowModeMs: 0,
      freshRights: async () => 0,
    });
    seqs.push(outcome.position.seq);
  }
  return seqs;
}

const stored = async (channel: string): Promise<number[]> =>
  (await messages.after(channel, ORIGIN, 10_000)).map(({ position }) => position.seq);
const isDrained = async (): Promise<boolean> => {
  const { entries, bytes } = await createOutbox({
    connection: commands,
    reader: commands,
    keys,
    logEntries: 1_000,
  }).waiting();
  return entries === 0 && bytes === 0;
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

interface Tried {
  outbox?: Pick<Outbox, "read" | "save">;
  save?(this: void, batch: Batch): Promise<SaveOutcome>;
  lines?: string[];
  stuck?: number[];
}

/** As a build reads it that has a row for every kind. */
function understood(entry: OutboxEntry): OutboxEntry {
  if (entry.kind !== "unknown") return entry;
  const { partition, id } = entry;
  return { kind: "malformed", partition, id, fault: "", channel: "", position: ORIGIN, frame: "{}" };
}

const running: Drain[] = [];
function start(tried: Tried = {}): Drain {
  const say = (message: string): void => void tried.lines?.push(message);
  const log = {
    info: (_: object, message: string) => say(message),
    warn: (_: object, message: string) => say(message),
    error: (fields: object, message: string) => say(`${message} ${JSON.stringify(fields)}`),
  };
  const drain = createDrain({
    outbox: tried.outbox ?? outbox,
    save: tried.save ?? ((batch) => saveBatch(store, batch)),
    batchEntries: 50,
    lingerMs: 5,
    redis: createOutage("Redis", log, { isWhole: () => proxied.every(isReady) }),
    postgres: createOutage("Postgres", log),
    holds: createHolds({ log, streamOf: (partition) => keys.partition(partition).outbox }),
    stuck: (partition) => void tried.stuck?.push(partition),
  });
  drain.own(ALL);
  drain.start();
  running.push(drain);
  return drain;
}

beforeEach(async () => {
  await redis.redis.flushall();
  await postgres.sql`truncate messages, outbox_positions, users, dead_letters, quarantine`;
});
afterEach(async () => {
  toPostgres.refuse(false);
  toRedis.refuse(false);
  await Promise.all(running.splice(0).map((drain) => drain.stop()));
});

describe("entries of the outbox", () => {
  it("reach Postgres once and in order, and are trimmed, saved and announced", async () => {
    const listener = redis.redis.duplicate();
    const announced: string[] = [];
    listener.on("smessage", (_: string, text: string) => announced.push(text));
    await listener.ssubscribe(keys.partition(partitions.of("lobby")).control);
    start();
    const seqs = [...(await publish("lobby", 120)), ...(await publish("other", 30))];
    expect(seqs).toHaveLength(150);
    await eventually(isDrained);
    expect(await stored("lobby")).toEqual(upTo(120));
    expect(await stored("other")).toEqual(upTo(30));
    const head = await redis.redis.hgetall(keys.channel("lobby").head);
    expect(head["saved"]).toBe(`${head["epoch"]}-120`);
    const last = (await positions.lastIds()).get(partitions.of("lobby"));
    expect(parseAnnouncement(announced.at(-1) ?? "")).toEqual({ upTo: last, unstored: 0 });
    listener.disconnect();
  });

  it("stand in Postgres with the very frames that Redis announced", async () => {
    await publish("frames", 5);
    const log = await redis.redis.xrange(keys.channel("frames").log, "-", "+");
    start();
    await eventually(isDrained);
    const frames = await messages.after("frames", ORIGIN, 10);
    expect(frames.map(({ position, frame }) => [formatPosition(position), frame])).toEqual(
      log.map(([id, fields]) => [id, fields[fields.indexOf("f") + 1]]),
    );
  });

  it("that were committed by a persister which died before it told Redis are trimmed and announced by the next", async () => {
    await publish("died", 60);
    let died = (): void => undefined;
    const dead = new Promise<void>((resolve) => {
      died = resolve;
    });
    // A process that is killed says nothing more: neither does this one's save ever come to an end.
    start({
      outbox: {
        read: (...asked) => outbox.read(...asked),
        save: () => {
          died();
          return new Promise(() => undefined);
        },
      },
    });
    await dead;
    running.splice(0);
    expect(await stored("died")).not.toEqual([]);
    expect(await isDrained()).toBe(false);
    start();
    await eventually(isDrained);
    expect(await stored("died")).toEqual(upTo(60));
    const head = await redis.redis.hgetall(keys.channel("died").head);
    expect(head["saved"]).toBe(`${head["epoch"]}-60`);
  });

  it("are stored once when two drain the same partitions at the same time", async () => {
    const outcomes: SaveOutcome[] = [];
    const save = async (batch: Batch): Promise<SaveOutcome> => {
      const outcome = await saveBatch(store, batch);
      outcomes.push(outcome);
      return outcome;
    };
    start({ save });
    start({ save });
    await Promise.all(["t1", "t2", "t3", "t4"].map((channel) => publish(channel, 150)));
    await eventually(isDrained);
    for (const channel of ["t1", "t2", "t3", "t4"]) expect(await stored(channel)).toEqual(upTo(150));
    const inserted = outcomes.reduce((sum, outcome) => sum + (outcome.kind === "saved" ? outcome.inserted : 0), 0);
    expect(inserted).toBe(600);
    expect(outcomes.some((outcome) => outcome.kind === "saved" && outcome.quarantined > 0)).toBe(false);
  });

  it("that Postgres refuses do not hold up the others", async () => {
    await publish("poison", 4);
    const stream = keys.partition(partitions.of("poison")).outbox;
    const entries = await redis.redis.xrange(stream, "-", "+");
    await redis.redis.del(stream);
    for (const [index, [id, fields]] of entries.entries()) {
      const spoilt = fields.map((field) => (index === 2 ? field.replace(/"body":"\d+"/, '"body":"\\u0000"') : field));
      await redis.redis.xadd(stream, id, ...spoilt);
    }
    start();
    await eventually(isDrained);
    const frames = await messages.after("poison", ORIGIN, 10);
    expect(frames.map(({ frame }) => JSON.parse(frame)).map(({ seq, deleted }) => [seq, deleted])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, true],
      [4, undefined],
    ]);
    // Whoever waits for `persisted` in this partition has to ask Postgres.
    const part = keys.partition(partitions.of("poison")).part;
    expect(await redis.redis.hget(part, "unstored")).toBe("1");
    const letters = await postgres.sql`select channel, seq::integer, reason from dead_letters`;
    expect(letters).toEqual([{ channel: "poison", seq: 3, reason: "refused by Postgres (22021)" }]);
  });
});

describe("a malformed entry", () => {
  it("holds up nobody, is kept as a dead letter and leaves nothing behind in Redis", async () => {
    await publish("usual", 1);
    const partition = partitions.of("usual");
    const { outbox: stream, part } = keys.partition(partition);
    const [first] = await redis.redis.xrange(stream, "-", "+");
    const [epoch] = first?.[0].split("-") ?? [];
    await redis.redis.xadd(stream, `${epoch}-2`, "k", "tomorrow", "f", "{}");
    await redis.redis.hset(part, "last", 2);
    await publish("usual", 1);
    start();
    await eventually(isDrained);
    expect(await stored("usual")).toEqual([1, 2]);
    const letters = await postgres.sql`select entry_number::integer, convert_from(frame, 'UTF8') as frame, reason
      from dead_letters`;
    expect(letters).toEqual([{ entry_number: 2, frame: "{}", reason: expect.stringMatching(/"tomorrow"/) }]);
  });
});

describe("an entry of a kind that this build does not know", () => {
  const held = "held";
  const partition = partitions.of(held);
  const other = ["o1", "o2", "o3"].find((channel) => partitions.of(channel) !== partition) ?? "";
  const { outbox: stream, part } = keys.partition(partition);

  /** Puts one behind what was published, as a newer edge does; its id. */
  async function putUnknown(): Promise<string> {
    const [epoch, last, bytes] = await redis.redis.hmget(part, "epoch", "last", "in");
    const id = `${epoch}-${Number(last) + 1}`;
    await redis.redis.hset(part, "last", Number(last) + 1, "in", Number(bytes) + 100);
    await redis.redis.xadd(stream, id, "k", "edit", "c", held, "b", Number(bytes) + 100, "text", "secret");
    return id;
  }

  it("holds its own partition and no other, also in one batch, and is told once with what to do", async () => {
    const lines: string[] = [];
    const reads: number[] = [];
    await publish(held, 3);
    const id = await putUnknown();
    await publish(held, 2);
    await publish(other, 3);
    start({
      lines,
      outbox: {
        read: async (...asked) => {
          if (asked[0].has(partition)) reads.push(performance.now());
          return outbox.read(...asked);
        },
        save: (...told) => outbox.save(...told),
      },
    });
    await eventually(async () => (await stored(other)).length === 3);
    await eventually(async () => (await redis.redis.xlen(stream)) === 3);
    const first = reads.length;
    await publish(other, 100);
    await eventually(() => reads.length >= first + 4);
    // It rests: whoever asked again at once would ask thousands of times.
    const [start4, end4] = [reads[first], reads[first + 3]];
    expect((end4 ?? 0) - (start4 ?? 0)).toBeGreaterThan(500);
    expect(await stored(other)).toEqual(upTo(103));
    expect(await stored(held)).toEqual([1, 2, 3]);
    const head = await redis.redis.hgetall(keys.channel(held).head);
    expect(head["saved"]).toBe(`${head["epoch"]}-3`);
    expect(await postgres.sql`select 1 from dead_letters`).toHaveLength(0);
    expect(lines).toEqual([expect.stringMatching(/upgrade the persisters, or remove the entry/)]);
    for (const said of [`"partition":${partition}`, id, '"edit"', stream]) expect(lines[0]).toContain(said);
    expect(lines[0]).not.toContain("secret");
    await redis.redis.xdel(stream, id);
    await eventually(async () => (await stored(held)).length === 5);
    await eventually(isDrained);
    await eventually(() => lines.length === 2);
    expect(lines[1]).toMatch(/gone/);
  });

  it("is passed by a persister that knows it, and what stands behind it follows", async () => {
    await publish(held, 2);
    await putUnknown();
    await publish(held, 2);
    const old = start();
    await eventually(async () => (await redis.redis.xlen(stream)) === 3);
    await old.stop();
    // The newer build makes a row of it in its own way; here it is enough that it is no message.
    start({
      outbox: {
        read: async (...asked) => (await outbox.read(...asked)).map(understood),
        save: (...told) => outbox.save(...told),
      },
    });
    await eventually(isDrained);
    expect(await stored(held)).toEqual(upTo(4));
  });
});

describe("an announcement", () => {
  it("is never ahead of Postgres, whatever fails on the way", async () => {
    const listener = redis.redis.duplicate();
    let early = 0;
    let heard = 0;
    const checks: Promise<void>[] = [];
    listener.on("smessage", (topic: string, text: string) => {
      const partition = ALL.find((n) => keys.partition(n).control === topic) ?? -1;
      const announced = parseAnnouncement(text)?.upTo;
      const check = async (): Promise<void> => {
        heard += 1;
        const last = (await positions.lastIds()).get(partition);
        const isBehind = announced === undefined || last === undefined || last.number < announced.number;
        if (isBehind) early += 1;
      };
      checks.push(check());
    });
    for (const n of ALL) await listener.ssubscribe(keys.partition(n).control);
    let state = 1;
    const unlucky = (): boolean => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31 < 0.25;
    };
    start({
      outbox: {
        read: (...asked) => outbox.read(...asked),
        save: async (partition, saved) => {
          if (unlucky()) throw new Error("the process was gone");
          await outbox.save(partition, saved);
        },
      },
      save: async (batch) => {
        if (unlucky()) throw Object.assign(new Error("cut before"), { code: "CONNECTION_CLOSED" });
        const outcome = await saveBatch(store, batch);
        if (unlucky()) throw Object.assign(new Error("cut after"), { code: "CONNECTION_CLOSED" });
        return outcome;
      },
    });
    await Promise.all(["x1", "x2", "x3"].map((channel) => publish(channel, 150)));
    await eventually(isDrained, { withinMs: 20_000 });
    await Promise.all(checks);
    for (const channel of ["x1", "x2", "x3"]) expect(await stored(channel)).toEqual(upTo(150));
    expect(heard).toBeGreaterThan(0);
    expect(early).toBe(0);
    listener.disconnect();
  });
});

describe("while a store is away", () => {
  it("Postgres: entries wait, everything is stored when it is back, and each change is one line", async () => {
    const lines: string[] = [];
    start({ lines });
    await publish("away", 20);
    await eventually(isDrained);
    toPostgres.refuse(true);
    toPostgres.cut();
    await publish("away", 100);
    await eventually(() => lines.length === 1);
    expect(await stored("away")).toEqual(upTo(20));
    expect(await isDrained()).toBe(false);
    toPostgres.refuse(false);
    await eventually(isDrained);
    expect(await stored("away")).toEqual(upTo(120));
    expect(lines).toEqual(["Postgres is away; entries wait", "Postgres is back"]);
  });

  it("Redis: draining goes on when it is back, and each change is one line", async () => {
    const lines: string[] = [];
    start({ lines });
    await publish("cut", 20);
    await eventually(isDrained);
    toRedis.refuse(true);
    toRedis.cut();
    await publish("cut", 100);
    await eventually(() => lines.length === 1);
    toRedis.refuse(false);
    await eventually(isDrained);
    expect(await stored("cut")).toEqual(upTo(120));
    expect(lines).toEqual(["Redis is away; entries wait", "Redis is back"]);
  });

  it("the answer to a COMMIT is lost, again and again: every message is stored once and told as saved", async () => {
    const outcomes: SaveOutcome[] = [];
    const save = async (batch: Batch): Promise<SaveOutcome> => {
      const outcome = await saveBatch(store, batch);
      outcomes.push(outcome);
      return outcome;
    };
    start({ save });
    await publish("lost", 1);
    await eventually(isDrained);
    for (let n = 0; n < 20; n += 1) {
      const lost = toPostgres.loseNextReply();
      await publish("lost", 5);
      await lost;
      await eventually(isDrained);
    }
    expect(await stored("lost")).toEqual(upTo(101));
    // What was committed unheard is found there when it is read again, and is no row the second time.
    const skipped = outcomes.reduce((sum, outcome) => sum + (outcome.kind === "saved" ? outcome.skipped : 0), 0);
    expect(skipped).toBeGreaterThan(0);
    expect(await postgres.sql`select from dead_letters union all select from quarantine`).toHaveLength(0);
  });

  it("both links cut again and again: every message is stored once", async () => {
    start();
    let cutting = true;
    const cut = async (): Promise<void> => {
      for (let n = 0; cutting; n += 1) {
        if (n % 2 === 0) toPostgres.cut();
        else toRedis.cut();
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    };
    const cuts = cut();
    await Promise.all(["z1", "z2", "z3"].map((channel) => publish(channel, 300)));
    cutting = false;
    await cuts;
    await eventually(isDrained, { withinMs: 20_000 });
    for (const channel of ["z1", "z2", "z3"]) expect(await stored(channel)).toEqual(upTo(300));
  });
});

describe("a Redis that was restarted empty", () => {
  it("numbers on behind Postgres, and what it numbers is stored", async () => {
    start();
    await publish("reborn", 10);
    await eventually(isDrained);
    await redis.redis.flushall();
    await publish("reborn", 10);
    await eventually(isDrained);
    expect(await stored("reborn")).toEqual(upTo(20));
  });
});

describe("a Redis that was restarted empty with its clock back", () => {
  /** As when the partition moved on elsewhere, after this process read its floors. */
  async function moveOn(channel: string, aheadMs: number): Promise<number> {
    const epoch = Date.now() + aheadMs;
    await postgres.sql`insert into outbox_positions (partition, last_epoch, last_number)
      values (${partitions.of(channel)}, ${epoch}, 7)
      on conflict (partition) do update set last_epoch = excluded.last_epoch, last_number = excluded.last_number`;
    return epoch;
  }

  it("and numbers below what is stored loses nothing, and soon numbers above it", async () => {
    await publish("unaware", 3);
    const epoch = await moveOn("unaware", 1_000_000);
    start();
    await eventually(isDrained);
    expect(await stored("unaware")).toEqual([1, 2, 3]);
    const position = (await positions.lastIds()).get(partitions.of("unaware"));
    expect(position).toEqual({ epoch, number: 7 });
    await publish("unaware", 2);
    await eventually(isDrained);
    expect(await stored("unaware")).toEqual([1, 2, 3, 4, 5]);
    expect((await positions.lastIds()).get(partitions.of("unaware"))?.epoch).toBeGreaterThan(epoch);
  });

  it("while messages go on and saves fail: each acknowledged one is stored", async () => {
    let state = 7;
    const unlucky = (): boolean => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state / 2 ** 31 < 0.3;
    };
    await publish("busy", 20);
    await moveOn("busy", 1_000_000);
    start({
      outbox: {
        read: (...asked) => outbox.read(...asked),
        save: async (partition, saved) => {
          if (unlucky()) throw new Error("the process was gone");
          await outbox.save(partition, saved);
        },
      },
    });
    await publish("busy", 200);
    await eventually(isDrained, { withinMs: 20_000 });
    expect(await stored("busy")).toEqual(upTo(220));
  });
});

describe("a partition that cannot be saved", () => {
  it("is told once and holds up no other", async () => {
    const stuck: number[] = [];
    const lines: string[] = [];
    await publish("broken", 5);
    const other = ["s1", "s2", "s3"].find((channel) => partitions.of(channel) !== partitions.of("broken")) ?? "";
    const { part } = keys.partition(partitions.of("broken"));
    await redis.redis.del(part);
    await redis.redis.set(part, "no hash");
    start({ lines, stuck });
    await publish(other, 120);
    await eventually(async () => (await stored(other)).length === 120);
    await eventually(async () => (await redis.redis.xlen(keys.partition(partitions.of(other)).outbox)) === 0);
    expect(await stored("broken")).toEqual(upTo(5));
    await eventually(() => stuck.length > 0);
    expect([stuck, lines]).toEqual([[partitions.of("broken")], []]);
    await redis.redis.del(part);
    await publish("broken", 1);
    await eventually(isDrained);
    expect(await stored("broken")).toEqual(upTo(6));
  });
});

describe("a drain that is stopped", () => {
  it("finishes what it has read and leaves the rest to the next", async () => {
    await publish("stopped", 200);
    const drain = start();
    await eventually(async () => (await stored("stopped")).length > 0);
    await drain.stop();
    const left = 200 - (await stored("stopped")).length;
    const { entries } = await outbox.waiting();
    expect(entries).toBe(left);
    start();
    await eventually(isDrained);
    expect(await stored("stopped")).toEqual(upTo(200));
  });
});
