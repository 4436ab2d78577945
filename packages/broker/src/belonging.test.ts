// Two clusters are kept apart, and no cluster is kept from its own stores: every state in which a process may find them.
import { ChatError } from "@rookery/protocol";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { startBelonging } from "./belonging.ts";
import type { ClusterLedger } from "./belonging.ts";
import type { ClusterMark, ClusterMarks } from "./cluster-marks.ts";
import type { DrainedLife } from "./rivals.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const away = (): never => {
  throw new ChatError("unavailable", "away");
};

function createRedis(): ClusterMarks & { mark: ClusterMark | undefined } {
  const redis = {
    mark: undefined as ClusterMark | undefined,
    read: async () => redis.mark,
    claim: async (mark: ClusterMark) => (redis.mark ??= mark),
  };
  return redis;
}

function createPostgres(): ClusterLedger & { id: string | undefined; isAway: boolean } {
  const rows = new Map<string, DrainedLife & { beatAt: number }>();
  const postgres = {
    id: undefined as string | undefined,
    isAway: false,
    async cluster(proposed: string) {
      if (postgres.isAway) away();
      return (postgres.id ??= proposed);
    },
    async lives() {
      if (postgres.isAway) away();
      return [...rows.values()].filter(({ beatAt }) => Date.now() - beatAt < 10_000);
    },
    async beat(life: string) {
      if (postgres.isAway) away();
      const now = Date.now();
      const { beats = 0, since = now } = rows.get(life) ?? {};
      rows.set(life, { life, beats: beats + 1, since, beatAt: now });
    },
    forget: async (life: string) => void rows.delete(life),
  };
  return postgres;
}

function start(marks: ClusterMarks, ledger: ClusterLedger, kind: "persister" | "edge" = "persister") {
  const heard = { foreign: [] as string[], waiting: [] as string[], faults: 0, settled: false };
  const belonging = startBelonging({
    marks,
    ledger,
    after: Promise.resolve(),
    drains: kind === "persister",
    foreign: (reason) => heard.foreign.push(reason),
    waiting: (reason) => heard.waiting.push(reason),
    fault: () => (heard.faults += 1),
  });
  void belonging.settled.then(() => (heard.settled = true));
  onTestFinished(belonging.close);
  return Object.assign(heard, { close: belonging.close, trouble: belonging.trouble });
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const peace = { foreign: [], settled: true };

describe("a cluster", () => {
  it("is founded by whoever comes first, however many come at once", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    const all = [start(redis, postgres), start(redis, postgres), start(redis, postgres, "edge")];
    await pass(0);
    for (const one of all) expect(one).toMatchObject(peace);
    expect(redis.mark).toEqual({ cluster: postgres.id, life: expect.any(String) });
    await pass(60_000);
    for (const one of all) expect(one).toMatchObject(peace);
  });

  it("from before there were ids is given one at its first start", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    const edge = start(redis, postgres, "edge");
    await pass(0);
    expect(edge).toMatchObject(peace);
    const later = start(redis, postgres);
    await pass(0);
    expect(later).toMatchObject(peace);
  });

  it("keeps a Redis that was restarted empty: it takes over the id from Postgres at once", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    postgres.id = "ours";
    const persister = start(redis, postgres);
    await pass(0);
    expect(persister).toMatchObject(peace);
    expect(redis.mark?.cluster).toBe("ours");
  });

  it("goes on when Redis loses its data under it, with those who start at that moment", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    const persister = start(redis, postgres);
    await pass(0);
    const before = redis.mark?.life ?? "";
    await pass(5_000);
    redis.mark = undefined;
    const starters = [start(redis, postgres), start(redis, postgres, "edge")];
    await pass(4_000);
    for (const one of [persister, ...starters]) expect(one).toMatchObject(peace);
    expect(redis.mark).toMatchObject({ cluster: postgres.id });
    expect((await postgres.lives()).map(({ life }) => life)).toEqual([expect.not.stringContaining(before)]);
    await pass(30_000);
    for (const one of [persister, ...starters]) expect(one).toMatchObject(peace);
  });

  it("numbers nothing in an empty Redis that may be another's, and everything in a marked one, Postgres away or not", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    start(redis, postgres);
    await pass(0);
    const second = createRedis();
    const stranger = start(second, postgres, "edge");
    await pass(1_000);
    expect(stranger.trouble()).toBe("whose Redis this is shows soon");
    postgres.isAway = true;
    const ours = start(redis, postgres, "edge");
    expect(ours.trouble()).toBe("whose Redis this is shows soon");
    await pass(0);
    expect(ours.trouble()).toBeUndefined();
    expect(second.mark).toBeUndefined();
  });

  it("waits for the last word of a persister that died with its Redis to grow old, says so once, and goes on", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    start(redis, postgres).close();
    await pass(0);
    await postgres.beat("the life before");
    redis.mark = undefined;
    const persister = start(redis, postgres);
    await pass(5_000);
    expect(persister).toMatchObject({
      foreign: [],
      settled: false,
      waiting: [expect.stringMatching(/within ten seconds/)],
    });
    await pass(6_000);
    expect(persister).toMatchObject({ ...peace, waiting: [expect.any(String)] });
  });

  it("serves while Postgres is away, refuses nothing and writes nothing; then all are known to be one", async () => {
    const [redis, postgres] = [createRedis(), createPostgres()];
    postgres.isAway = true;
    const edge = start(redis, postgres, "edge");
    await pass(20_000);
    expect(edge).toMatchObject({ foreign: [], settled: false });
    expect(edge.faults).toBe(1);
    expect(redis.mark).toBeUndefined();
    postgres.isAway = false;
    await pass(500);
    expect(edge).toMatchObject(peace);
  });
});

describe("a second cluster", () => {
  it("on the same Redis is refused, once and in one line that says what to do", async () => {
    const [redis, first, second] = [createRedis(), createPostgres(), createPostgres()];
    start(redis, first);
    await pass(0);
    for (const kind of ["persister", "edge"] as const) {
      const intruder = start(redis, second, kind);
      await pass(5_000);
      expect(intruder.settled).toBe(false);
      expect(intruder.foreign).toEqual([
        expect.stringMatching(/^this Redis belongs to another cluster .* key "cluster"/),
      ]);
      expect(intruder.foreign[0]).not.toContain("\n");
    }
  });

  it("on the same Redis is refused as soon as its Postgres answers", async () => {
    const [redis, first, second] = [createRedis(), createPostgres(), createPostgres()];
    start(redis, first);
    second.isAway = true;
    const intruder = start(redis, second, "edge");
    await pass(5_000);
    expect(intruder.foreign).toEqual([]);
    second.isAway = false;
    await pass(500);
    expect(intruder.foreign).toHaveLength(1);
  });

  it("on the same Postgres is refused while the first one drains, and leaves its own Redis as it was", async () => {
    const [own, other, postgres] = [createRedis(), createRedis(), createPostgres()];
    const first = start(own, postgres);
    await pass(3_000);
    const intruders = [start(other, postgres), start(other, postgres, "edge")];
    await pass(12_000);
    for (const { foreign } of intruders) {
      expect(foreign).toEqual([expect.stringMatching(/^another Redis is being drained into this Postgres/)]);
    }
    expect(other.mark).toBeUndefined();
    expect(first).toMatchObject(peace);
  });

  it("on the same Postgres is refused as well when its Redis was once marked with the same id", async () => {
    const [own, other, postgres] = [createRedis(), createRedis(), createPostgres()];
    const first = start(own, postgres);
    await pass(3_000);
    other.mark = { cluster: postgres.id ?? "", life: "an old life" };
    const intruders = [start(other, postgres), start(other, postgres, "edge")];
    await pass(12_000);
    for (const { foreign } of intruders) expect(foreign).toHaveLength(1);
    expect(intruders[0]?.settled).toBe(false);
    expect(first).toMatchObject(peace);
  });

  it("that began at the same moment over another Redis yields if it is the younger", async () => {
    const [own, other, postgres] = [createRedis(), createRedis(), createPostgres()];
    const both = [start(own, postgres), start(other, postgres)];
    await pass(12_000);
    expect(both.map(({ foreign }) => foreign.length).toSorted((a, b) => a - b)).toEqual([0, 1]);
  });
});
