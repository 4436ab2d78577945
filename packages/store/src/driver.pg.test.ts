// Contract of the connections to Postgres: what the address says decides, TLS is what it promises to be, and a pooler in
// between changes nothing of what the store does.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, testPostgres } from "@rookery/testkit";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { batchOf, entriesOf, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import type { Store } from "./connect.ts";
import { createPool } from "./driver.ts";
import { createMessages } from "./messages.ts";
import { migrateUp, migrationStatus } from "./migrate.ts";
import { hasPgBouncer, refusesTimeouts, startFront, startPgBouncer } from "./pooler.suite.ts";
import { readPostgresUrl } from "./postgres-url.ts";
import { saveBatch } from "./save-batch.ts";
import { ADDRESS_PEM, CA_PEM, LOCALHOST_PEM, OTHER_CA_PEM, startTlsFront } from "./tls-front.suite.ts";

const { url, sql } = await testPostgres();
const empty = await testPostgres({ migrated: false });

const stores: Store[] = [];
const told: string[] = [];
const open = (at: string, max = 2): Store => {
  const onState = (state: string, detail?: string): void => void told.push(`${state} ${detail ?? ""}`.trim());
  const store = connectStore({ url: at, max, application: "driver-test", statementTimeoutMs: 2000, onState });
  stores.push(store);
  return store;
};
afterEach(async () => {
  told.length = 0;
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

describe("a connection without a pooler", () => {
  it("plans a statement once, whatever its values", async () => {
    const address = readPostgresUrl(url);
    const pool = createPool({ address, max: 1, application: "driver-test", statementTimeoutMs: 2000, way: "direct" });
    const statement = "select name from users where id = $1";
    for (let n = 0; n < 3; n += 1) await pool.unsafe(statement, [`user-${n}`], { prepare: true });
    const plans = await pool.unsafe(
      "select generic_plans::integer as once, custom_plans::integer as anew from pg_prepared_statements where statement = $1",
      [statement],
    );
    await pool.end();
    expect(plans).toEqual([{ once: 3, anew: 0 }]);
  });
});

describe("the environment", () => {
  /** Whatever postgres.js 3.4.9 and libpq look for. */
  const PG = {
    PGHOST: "no-such-host.invalid",
    PGPORT: "1",
    PGUSER: "nobody",
    PGUSERNAME: "nobody",
    PGPASSWORD: "wrong",
    PGDATABASE: "nothing",
    PGAPPNAME: "somebody",
    PGSSL: "require",
    PGSSLMODE: "require",
    PGSSLNEGOTIATION: "direct",
    PGTARGETSESSIONATTRS: "any",
    PGTARGET_SESSION_ATTRS: "standby",
    PGMAX: "0",
    PGMAX_PIPELINE: "0",
    PGIDLE_TIMEOUT: "1",
    PGCONNECT_TIMEOUT: "0.001",
    PGFETCH_TYPES: "true",
    PGPREPARE: "",
    PGOPTIONS: "-c statement_timeout=1",
  };
  const before = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(PG)) delete process.env[name];
    Object.assign(process.env, before);
  });

  it("has no say in how Postgres is reached, and stays as it was", async () => {
    Object.assign(process.env, PG);
    expect(await open(url).trouble()).toBeUndefined();
    expect((await migrationStatus(url)).every(({ state }) => state === "applied")).toBe(true);
    const [seen] =
      await sql`select application_name as name from pg_stat_activity where application_name = 'driver-test'`;
    expect(seen?.["name"]).toBe("driver-test");
    expect(process.env).toMatchObject(PG);
  });

  it("lends no password to an address that has none", async () => {
    const bare = new URL(url);
    process.env["PGPASSWORD"] = bare.password;
    bare.password = "";
    expect(await open(bare.href).trouble()).toBe("Postgres does not answer");
    expect(told).toEqual([expect.stringMatching(/^lost .*password.*\(28P01\)$/)]);
  });

  it("cannot turn the check of certificates off", async () => {
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    const { port } = await startTlsFront(url, LOCALHOST_PEM);
    expect(await open(secured(port, "localhost", "sslmode=verify-full")).trouble()).toBe("Postgres does not answer");
    delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  });
});

const folder = mkdtempSync(join(tmpdir(), "rookery-certificates-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, pem: string): string => {
  writeFileSync(join(folder, name), pem);
  return join(folder, name);
};
const CA = `sslrootcert=${fileOf("ca.pem", `for tests\n${OTHER_CA_PEM}${CA_PEM}`)}`;
const OTHER = `sslrootcert=${fileOf("other.pem", OTHER_CA_PEM)}`;

function secured(port: number, host: string, parameters: string): string {
  const at = new URL(url);
  at.hostname = host;
  at.port = String(port);
  return `${at.href}?${parameters}`;
}

describe("TLS", () => {
  it.each([
    ["verify-full", "localhost", LOCALHOST_PEM, CA],
    ["verify-full", "127.0.0.1", ADDRESS_PEM, CA],
    ["verify-ca", "127.0.0.1", LOCALHOST_PEM, CA],
    ["require", "127.0.0.1", LOCALHOST_PEM, ""],
  ])("of %s is with the right server at %s", async (mode, host, certificate, root) => {
    const { port } = await startTlsFront(url, certificate);
    const store = open(secured(port, host, `sslmode=${mode}&${root}`));
    expect(await store.trouble()).toBeUndefined();
    expect(await saveBatch(store, batchOf(entriesOf(1, rowsOf("tls", 1))))).toMatchObject({ kind: "saved" });
    expect(told).toEqual(["ready"]);
  });

  it.each([
    ["verify-full", "127.0.0.1", LOCALHOST_PEM, CA, /does not match certificate.*ERR_TLS_CERT_ALTNAME_INVALID/],
    ["verify-full", "localhost", ADDRESS_PEM, CA, /does not match certificate.*ERR_TLS_CERT_ALTNAME_INVALID/],
    ["verify-full", "localhost", LOCALHOST_PEM, OTHER, /certificate.*UNABLE_TO/],
    ["verify-full", "localhost", LOCALHOST_PEM, "", /certificate.*UNABLE_TO/],
    ["verify-ca", "localhost", LOCALHOST_PEM, OTHER, /certificate.*UNABLE_TO/],
    ["require", "localhost", undefined, "", /it may offer no TLS/],
    ["verify-full", "localhost", undefined, CA, /it may offer no TLS/],
  ])(
    "of %s is refused at %s with the wrong server, and the reason is told",
    async (mode, host, certificate, root, said) => {
      const { port } = await startTlsFront(url, certificate);
      const store = open(secured(port, host, `sslmode=${mode}&${root}`));
      await expect(createMessages(store).last("any")).rejects.toMatchObject({ code: "unavailable" });
      expect(told).toEqual([expect.stringMatching(said)]);
    },
  );

  it("is cut like any connection, and comes back", async () => {
    const { port, cut } = await startTlsFront(url, LOCALHOST_PEM);
    const store = open(secured(port, "localhost", `sslmode=verify-full&${CA}`), 4);
    const messages = createMessages(store);
    let cutting = true;
    const ask = async (): Promise<void> => {
      while (cutting) await messages.last("any").catch(() => undefined);
    };
    const asking = Array.from({ length: 4 }, ask);
    for (let n = 0; n < 100; n += 1) {
      cut();
      await new Promise((resolve) => setTimeout(resolve, n % 9));
    }
    cutting = false;
    await Promise.all(asking);
    expect(await eventually(async () => (await store.trouble()) === undefined)).toBe(true);
  });
});

const BEHIND = expect.stringMatching(/^ready behind a pooler/);

/** Many at once, so that more than one connection to the server is in use. */
async function useStore(at: string, channel: string, partition: number): Promise<void> {
  const store = open(at, 6);
  const messages = createMessages(store);
  for (let round = 1; round <= 5; round += 1) {
    const saving = saveBatch(store, batchOf(entriesOf(partition, rowsOf(channel, round * 10))));
    const asked = Array.from({ length: 20 }, () => messages.after(channel, { epoch: 0, seq: 0 }, 5));
    expect(await saving).toMatchObject({ kind: "saved" });
    await Promise.all(asked);
  }
  expect(await messages.after(channel, { epoch: 0, seq: 0 }, 100)).toHaveLength(50);
  expect(await store.trouble()).toBeUndefined();
}

describe("behind a pooler", () => {
  it("that takes no timeouts at the start of a connection everything works, and it is said once", async () => {
    await useStore(await startFront(url, refusesTimeouts()), "timeouts", 2);
    expect(told).toEqual([BEHIND]);
  });

  it("another refusal of a start is no pooler: it is told in its own words", async () => {
    const wrong = new URL(url);
    wrong.pathname = "/nowhere-at-all";
    const store = open(wrong.href);
    await expect(createMessages(store).last("any")).rejects.toMatchObject({ code: "unavailable" });
    expect(told).toEqual(['lost database "nowhere-at-all" does not exist (3D000)']);
  });
});

describe.runIf(hasPgBouncer)("behind PgBouncer in transaction mode", () => {
  it("as it comes everything works, also migrations of several at once", async () => {
    const toEmpty = await startPgBouncer(empty.url);
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrateUp(toEmpty)));
    expect(applied.flat().toSorted()).toEqual((await migrationStatus(toEmpty)).map(({ name }) => name));
    await useStore(toEmpty, "bounced", 4);
    expect(told).toEqual([BEHIND]);
  });

  it("that is told to ignore the parameters everything works as well", async () => {
    const lines = ["ignore_startup_parameters = statement_timeout,idle_in_transaction_session_timeout"];
    await useStore(await startPgBouncer(url, lines), "ignored", 5);
    expect(told).toEqual([BEHIND]);
  });
});
