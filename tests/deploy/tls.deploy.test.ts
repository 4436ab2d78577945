// A whole cluster of which every connection to Redis and to Postgres is encrypted and knows whom it speaks to; and what each kind of
// process says where that cannot be known.
import { eventually, testCertificates, testTopology } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startGuardedPostgres } from "../guarded-postgres.ts";
import type { GuardedPostgres } from "../guarded-postgres.ts";
import { SECRETS, startRoleCluster } from "../role-cluster.ts";
import { spawnUnready } from "../service-process.ts";
import type { ServiceKind } from "../service-process.ts";

const [trusted, stranger] = [await testCertificates(), await testCertificates()];
const topology = await testTopology({ kind: "single", tls: trusted.files, password: "hush" });
const teardowns: (() => Promise<void>)[] = [];
let store: GuardedPostgres;

const verified = (ca: string): string => `?sslmode=verify-full&sslrootcert=${ca}`;
const settingsOf = (kind: ServiceKind): Record<string, string> => ({
  ROOKERY_REDIS_URL: topology.url,
  ROOKERY_REDIS_CA_FILE: trusted.files.ca,
  ROOKERY_POSTGRES_URL: store.urlOf(`rookery_${kind}_a`, verified(trusted.files.ca)),
  ...SECRETS[kind],
});
/** The certificates are for 127.0.0.1 and no name. */
const byName = (url: string): string => url.replace("@127.0.0.1:", "@localhost:");

beforeAll(async () => {
  store = await startGuardedPostgres(trusted);
  teardowns.unshift(store.stop);
});
afterAll(async () => {
  for (const stop of teardowns) await stop();
});

it("chats and stores over connections that are all encrypted and verified", async () => {
  const cluster = await startRoleCluster({ settingsOf, atEnd: (stop) => teardowns.unshift(stop) });
  const ann = await cluster.client("ann", "edge-1");
  teardowns.unshift(() => ann.close());
  await ann.join("room", { persisted: true });
  const { seq } = await ann.send("room", "hello");
  await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
  expect(await cluster.ask("GET", "/v1/channels/room")).toMatchObject({ id: "room" });
  const ours = await store.admin<{ ssl: boolean }[]>`
    select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where a.usename like 'rookery\\_%'`;
  expect(ours.length).toBeGreaterThan(3);
  expect(ours.filter(({ ssl }) => !ssl)).toEqual([]);
});

const KINDS = ["edge", "api", "persister"] as const;
const WRONG = {
  "CA of Redis": [() => ({ ROOKERY_REDIS_CA_FILE: stranger.files.ca }), /"reason":"[^"]*certificate[^"]*"/],
  "name of Redis": [
    () => ({ ROOKERY_REDIS_URL: byName(topology.url) }),
    /"(reason|detail)":"[^"]*(altnames|certificate)[^"]*localhost[^"]*"/,
  ],
  "CA of Postgres": [
    (kind: ServiceKind) => ({
      ROOKERY_POSTGRES_URL: store.urlOf(`rookery_${kind}_a`, verified(stranger.files.ca)),
    }),
    /"(reason|detail)":"[^"]*certificate[^"]*"/,
  ],
  "name of Postgres": [
    (kind: ServiceKind) => ({
      ROOKERY_POSTGRES_URL: byName(store.urlOf(`rookery_${kind}_a`, verified(trusted.files.ca))),
    }),
    /"(reason|detail)":"[^"]*(altnames|certificate)[^"]*localhost[^"]*"/,
  ],
} as const satisfies Record<string, readonly [(kind: ServiceKind) => Record<string, string>, RegExp]>;

it.each(KINDS.flatMap((kind) => Object.entries(WRONG).map(([what, [spoil, says]]) => ({ kind, what, spoil, says }))))(
  "$kind waits and says why in its log, without a password, on a wrong $what",
  async ({ kind, spoil, says }) => {
    const stops: (() => Promise<void>)[] = [];
    const settings = { NODE_ENV: "production", ...settingsOf(kind), ...spoil(kind) };
    const waiting = spawnUnready({ kind, settings, atEnd: (stop) => stops.push(stop) });
    try {
      const line = await eventually(() => waiting.log().find((each) => says.test(each)) ?? false, { withinMs: 30_000 });
      expect(line).not.toMatch(/hush|password-of/);
    } finally {
      for (const stop of stops) await stop();
    }
    expect(await waiting.ended).toBe(0);
  },
);
