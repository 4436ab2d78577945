import { SettingsError } from "@rookery/runtime";
import { describe, expect, it } from "vitest";
import { UsageError } from "../io.ts";
import { addressFrom, callerEnvironment, planCluster } from "./plan.ts";
import type { ClusterPlan, Environment } from "./plan.ts";

const SECRET = "a7Xq2LmZ9pTfWc4KdR8vYbN3sHgJ6uEe";
const secrets = { apiKey: `rk_${SECRET}`, jwtSecret: `1${SECRET}`, auditKey: `2${SECRET}` };
const backing = { redis: "redis://127.0.0.1:6400", postgres: "postgres://rookery:p@127.0.0.1:5400/rookery" };
const ports = { edges: [7700, 7701], api: 7702 };

const OPTIONS = { edges: 2, persisters: 1, ports, secrets, backing, pid: 42 };

const plan = (env: Environment = {}, set: Record<string, string> = {}): ClusterPlan =>
  planCluster({ ...OPTIONS, caller: callerEnvironment(env, set) });
const envOf = (planned: ClusterPlan, name: string): Environment =>
  planned.services.find((service) => service.name === name)?.env ?? {};

describe("a dev cluster", () => {
  it("consists of edges, an api and persisters, each told where it is and who watches it", () => {
    const planned = plan();
    expect(planned.services.map(({ name }) => name)).toEqual(["edge-1", "edge-2", "api", "persister-1"]);
    expect(planned.ws).toEqual(["ws://127.0.0.1:7700/ws", "ws://127.0.0.1:7701/ws"]);
    expect(envOf(planned, "edge-2")).toMatchObject({
      ROOKERY_NODE_NAME: "edge-2",
      ROOKERY_PORT: "7701",
      ROOKERY_PARENT_PID: "42",
      ROOKERY_REDIS_URL: backing.redis,
      ROOKERY_POSTGRES_URL: backing.postgres,
      ROOKERY_JWT_SECRET: secrets.jwtSecret,
      ROOKERY_CHANNELS_AUTO_CREATE: "public",
      ROOKERY_GUEST_TOKENS: "true",
      UWS_HTTP_MAX_HEADERS_SIZE: "16384",
    });
    expect(envOf(planned, "api")["ROOKERY_API_KEY"]).toBe(secrets.apiKey);
    expect(planned.jwt).toEqual({ alg: "HS256", secret: secrets.jwtSecret, issuer: "rookery", audience: "rookery" });
  });

  it("takes the caller's settings before its own, and --set before those, by variable or key", () => {
    const env = { ROOKERY_GUEST_TOKENS: "false", ROOKERY_DRAIN_MS: "7", ROOKERY_JWT_SECRET: SECRET };
    const planned = plan(env, { ROOKERY_DRAIN_MS: "8", paceMaxMs: "0", JWT_ISSUER: "me" });
    expect(envOf(planned, "edge-1")).toMatchObject({
      ROOKERY_GUEST_TOKENS: "false",
      ROOKERY_DRAIN_MS: "8",
      ROOKERY_PACE_MAX_MS: "0",
    });
    expect(planned).toMatchObject({ drainMs: 8, jwt: { secret: SECRET, issuer: "me" } });
  });

  it("lets any page of this machine in, by edges and api, unless somebody says otherwise", () => {
    const origins = (planned: ClusterPlan): unknown[] =>
      ["edge-1", "edge-2", "api"].map((name) => envOf(planned, name)["ROOKERY_ALLOWED_ORIGINS"]);
    expect(origins(plan())).toEqual(["loopback", "loopback", "loopback"]);
    expect(plan().allowedOrigins).toEqual(["loopback"]);
    const mine = "https://app.example";
    for (const planned of [plan({}, { ROOKERY_ALLOWED_ORIGINS: mine }), plan({ ROOKERY_ALLOWED_ORIGINS: mine })]) {
      expect(origins(planned)).toEqual([mine, mine, mine]);
      expect(planned.allowedOrigins).toEqual([mine]);
    }
  });

  it("gives no secret where tokens are verified by other keys, and says so", () => {
    const planned = plan({}, { ROOKERY_JWT_JWKS_URL: "http://127.0.0.1:9/keys", ROOKERY_JWT_ALGORITHMS: "ES256" });
    expect(envOf(planned, "edge-1")["ROOKERY_JWT_SECRET"]).toBeUndefined();
    expect(planned.jwt).toEqual({ alg: "ES256", issuer: "rookery", audience: "rookery" });
  });

  it("puts no secret of its own beside a file that cannot be read", () => {
    expect(() => plan({ ROOKERY_JWT_SECRET_FILE: "/nowhere/secret" })).toThrow(/^1 setting is wrong:.*ENOENT/s);
  });

  it("refuses unknown names and values that a service would refuse, before anything is started", () => {
    expect(() => plan({}, { ROOKERY_PACE_MAX: "1" })).toThrow(SettingsError);
    expect(() => plan({}, { ROOKERY_SENDS_PER_SEC: "-1" })).toThrow(/ROOKERY_SENDS_PER_SEC/);
    expect(() => plan({ ROOKERY_BATCH_ENTRIES: "x" })).toThrow(/ROOKERY_BATCH_ENTRIES/);
  });

  it("refuses what only the reader of a value finds wrong: an address of a given server, a proxy", () => {
    expect(() => plan({}, { ROOKERY_TRUSTED_PROXIES: "10.0.0.0/33" })).toThrow(SettingsError);
    const at =
      (given: Partial<typeof backing>): (() => ClusterPlan) =>
      () =>
        planCluster({ ...OPTIONS, caller: {}, backing: { ...backing, ...given } });
    expect(at({ redis: "redis://127.0.0.1/abc" })).toThrow(/ROOKERY_REDIS_URL.*bad database/);
    expect(at({ postgres: "postgres://a:p%zz@h/x" })).toThrow(/ROOKERY_POSTGRES_URL/);
  });

  it("keeps to itself what is different for each process", () => {
    expect(() => plan({}, { ROOKERY_PORT: "1" })).toThrow(UsageError);
    expect(() => plan({}, { redisUrl: "redis://h:1" })).toThrow(/--redis-url/);
    const env = { ROOKERY_PORT: "1", ROOKERY_PARENT_PID: "7", ROOKERY_NODE_NAME: "x" };
    expect(envOf(plan(env), "persister-1")).toMatchObject({
      ROOKERY_PARENT_PID: "42",
      ROOKERY_NODE_NAME: "persister-1",
    });
    expect(envOf(plan(env), "persister-1")["ROOKERY_PORT"]).toBeUndefined();
  });

  it("takes server addresses from the environment too", () => {
    expect(addressFrom({ ROOKERY_REDIS_URL: "redis://h:1" }, "redisUrl")).toBe("redis://h:1");
    expect(addressFrom({ ROOKERY_REDIS_URL: "" }, "redisUrl")).toBeUndefined();
    expect(() => addressFrom({ ROOKERY_REDIS_URL: "http://h" }, "redisUrl")).toThrow(SettingsError);
  });
});
