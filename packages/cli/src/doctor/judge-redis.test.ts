// Every verdict about a Redis, from a look at one that is well and is then spoiled at one spot.
import type { RedisLook, ServerLook } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import type { Verdict } from "./check.ts";
import { judgeRedis } from "./judge-redis.ts";
import type { RedisNeeds } from "./judge-redis.ts";

const GIB = 1024 ** 3;
const NEEDS: RedisNeeds = { ack: "safe", outboxMaxBytes: GIB / 4, toleranceMs: 5_000 };
const INFO = {
  ...{ redis_version: "7.0.15", maxmemory_policy: "noeviction", aof_enabled: "1", aof_last_write_status: "ok" },
  ...{ rdb_last_bgsave_status: "ok", maxmemory: String(GIB), connected_slaves: "2" },
};
const CONFIG = {
  ...{ save: "3600 1", "min-replicas-to-write": "1" },
  "client-output-buffer-limit": "normal 0 0 0 slave 0 0 0 pubsub 134217728 67108864 30",
};
const CLOCK = { sentMs: 1_000, receivedMs: 1_010, serverMs: 1_005 };

interface Spoiled {
  readonly info?: Readonly<Record<string, string>>;
  /** Null where it may not be asked for. */
  readonly config?: Readonly<Record<string, string>> | null;
  readonly clock?: ServerLook["clock"];
  readonly lacking?: ServerLook["lacking"];
  readonly fault?: string;
}

function server({ info = {}, config = {}, ...rest }: Spoiled = {}, name = "redis-1:6379"): ServerLook {
  const told = config === null ? undefined : new Map(Object.entries({ ...CONFIG, ...config }));
  return {
    name,
    info: new Map(Object.entries({ ...INFO, ...info })),
    config: told,
    clock: CLOCK,
    lacking: [],
    ...rest,
  };
}

const WELL: RedisLook = {
  ...{ masters: [server()], sentinels: [], slots: undefined, partitions: "64", cluster: "c", stored: new Map() },
};
const spoiled = (spoils: Spoiled): RedisLook => ({ ...WELL, masters: [server({}, "redis-0:6379"), server(spoils)] });
const slots = (state: string, served: string) =>
  new Map([
    ["cluster_state", state],
    ["cluster_slots_ok", served],
  ]);
const sentinels = (...faults: (string | undefined)[]): RedisLook => ({
  ...WELL,
  sentinels: faults.map((fault, at) => ({ name: `sentinel-${at}:26379`, fault })),
});

const findings = (look: RedisLook, needs = NEEDS) => judgeRedis(look, needs);

type Row = readonly [check: string, verdict: Verdict, found: RegExp, look: RedisLook];

// prettier-ignore
const ROWS: readonly Row[] = [
  ["redis", "ok", /^redis-1:6379 answers$/, WELL],
  ["redis", "trouble", /^WRONGPASS$/, { ...WELL, masters: [], fault: "WRONGPASS" }],
  ["redis", "trouble", /^redis-1:6379: gone$/, spoiled({ fault: "gone" })],
  ["redis sentinels", "ok", /all 3 name the master/, sentinels(undefined, undefined, undefined)],
  ["redis sentinels", "warning", /2 named/, sentinels(undefined, undefined)],
  ["redis sentinels", "warning", /sentinel-1:26379: ECONNREFUSED/, sentinels(undefined, "ECONNREFUSED", undefined)],
  ["redis cluster", "ok", /every slot/, { ...WELL, slots: slots("ok", "16384") }],
  ["redis cluster", "trouble", /the Cluster is fail, and 10922 of 16384/, { ...WELL, slots: slots("fail", "10922") }],
  ["redis version", "ok", /redis-1:6379 is 7\.0\.15/, WELL],
  ["redis version", "trouble", /^redis-1:6379 is 6\.2\.14$/, spoiled({ info: { redis_version: "6.2.14" } })],
  ["redis eviction", "ok", /evicts nothing/, WELL],
  ["redis eviction", "trouble", /^redis-1:6379 has maxmemory-policy allkeys-lru/, spoiled({ info: { maxmemory_policy: "allkeys-lru" } })],
  ["redis persistence", "ok", /append-only/, WELL],
  ["redis persistence", "warning", /keeps snapshots at most/, spoiled({ info: { aof_enabled: "0" } })],
  ["redis persistence", "warning", /keeps snapshots at most/, spoiled({ info: { aof_enabled: "0" }, config: null })],
  ["redis persistence", "warning", /keeps nothing on disk/, spoiled({ info: { aof_enabled: "0" }, config: { save: "" } })],
  ["redis persistence", "trouble", /could not write/, spoiled({ info: { aof_last_write_status: "err" } })],
  ["redis memory", "ok", /1 GiB in all/, WELL],
  ["redis memory", "warning", /not set/, spoiled({ info: { maxmemory: "0" } })],
  ["redis memory", "warning", /384 MiB in all/, { ...WELL, masters: [server({ info: { maxmemory: String(384 * 1024 ** 2) } })] }],
  ["redis memory", "trouble", /128 MiB in all, ROOKERY_OUTBOX_MAX_BYTES 256 MiB/, { ...WELL, masters: [server({ info: { maxmemory: String(GIB / 8) } })] }],
  ["redis subscribers", "ok", /128 MiB behind/, WELL],
  ["redis subscribers", "warning", /8 MiB behind/, spoiled({ config: { "client-output-buffer-limit": "pubsub 8388608 0 0" } })],
  ["redis subscribers", "warning", /all its memory/, spoiled({ config: { "client-output-buffer-limit": "pubsub 0 0 0" } })],
  ["redis subscribers", "warning", /cannot be seen/, spoiled({ config: null })],
  ["redis replicas", "ok", /2 replicas/, WELL],
  ["redis replicas", "trouble", /no replica/, spoiled({ info: { connected_slaves: "0" } })],
  ["redis replicas", "warning", /one replica/, spoiled({ info: { connected_slaves: "1" } })],
  ["redis replicas", "warning", /min-replicas-to-write 0/, spoiled({ config: { "min-replicas-to-write": "0" } })],
  ["redis replicas", "warning", /cannot be seen/, spoiled({ config: null })],
  ["redis rights", "ok", /may do what/, WELL],
  ["redis rights", "trouble", /^on redis-1:6379 this user may not: xadd \{p0\}:outbox$/, spoiled({ lacking: ["xadd {p0}:outbox"] })],
  ["redis rights", "trouble", /may not run a script/, spoiled({ lacking: undefined })],
  ["redis clock", "ok", /agrees/, WELL],
  ["redis clock", "warning", /cannot be seen/, spoiled({ clock: undefined })],
  ["redis clock", "warning", /2000 ms ahead of/, spoiled({ clock: { ...CLOCK, serverMs: 3_010 } })],
  ["redis clock", "trouble", /299000 ms behind/, spoiled({ clock: { ...CLOCK, serverMs: -298_000 } })],
];

describe("a look at Redis", () => {
  it.each(ROWS)("%s: %s where it is found that %s", (check, verdict, found, look) => {
    const finding = findings(look).find(({ name }) => name === check);
    expect(finding).toMatchObject({ verdict, found: expect.stringMatching(found) as unknown });
    expect(finding?.fix === undefined).toBe(verdict === "ok");
  });

  it("that is well is well throughout", () => {
    expect(new Set(findings(WELL).map(({ verdict }) => verdict))).toEqual(new Set(["ok"]));
  });

  it("asks for no replicas where an ok does not wait for them", () => {
    const names = findings(spoiled({ info: { connected_slaves: "0" } }), { ...NEEDS, ack: "fast" }).map(
      ({ name }) => name,
    );
    expect(names).not.toContain("redis replicas");
  });

  it("tells of a Redis that does not answer that alone, and which Sentinels do", () => {
    const names = findings({ ...sentinels(undefined), masters: [], fault: "no master" }).map(({ name }) => name);
    expect(names).toEqual(["redis", "redis sentinels"]);
  });

  it("names every server that is in trouble in one row", () => {
    const bad = { info: { maxmemory_policy: "volatile-ttl" } };
    const look = { ...WELL, masters: [server(bad, "a:1"), server({}, "b:2"), server(bad, "c:3")] };
    const found = findings(look).find(({ name }) => name === "redis eviction")?.found;
    expect(found).toMatch(/^a:1 has .*; c:3 has /);
  });
});
