// Contract of the way to Postgres: it fails fast and honestly, and comes back by itself, whatever is done to it.
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { eventually, startProxy, testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { batchOf, entriesOf, rowsOf } from "./batch.fixture.ts";
import { isAway } from "./away.ts";
import { createChannelActs } from "./channel-acts.ts";
import { connectStore } from "./connect.ts";
import type { Store, StoreOptions } from "./connect.ts";
import { createPool } from "./driver.ts";
import { createMessages } from "./messages.ts";
import { claimPartitionCount } from "./partition-count.ts";
import { readPostgresUrl } from "./postgres-url.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const proxy = await startProxy({ target: url });
afterAll(() => proxy.close());

const opened: Store[] = [];
const open = (over: Partial<StoreOptions> = {}): Store => {
  const store = connectStore({ url: proxy.url(), max: 3, application: "test", statementTimeoutMs: 5_000, ...over });
  opened.push(store);
  return store;
};
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
});

const codeOf = async (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => "answered",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

describe("a store", () => {
  it("connects to nothing until it is asked", async () => {
    open();
    expect(proxy.connections()).toBe(0);
  });

  it("answers unavailable to readers while Postgres is away, and again when it is back, saying each change once", async () => {
    const states: string[] = [];
    const store = open({ onState: (state) => states.push(state) });
    const messages = createMessages(store);
    await messages.last("any");
    proxy.refuse(true);
    proxy.cut();
    for (let n = 0; n < 20; n += 1) expect(await codeOf(messages.last("any"))).toBe("unavailable");
    expect(await store.trouble()).toBe("Postgres does not answer");
    const saving = await saveBatch(store, batchOf(entriesOf(1, rowsOf("away", 1)))).catch((error: unknown) => error);
    expect(isAway(saving)).toBe(true);
    proxy.refuse(false);
    await eventually(async () => (await codeOf(messages.last("any"))) === "answered");
    expect(await store.trouble()).toBeUndefined();
    expect(states).toEqual(["ready", "lost", "ready"]);
  });

  it("says of a Postgres that answers and refuses to write that it does", async () => {
    const database = new URL(url).pathname.slice(1);
    await sql.unsafe(`alter database ${database} set default_transaction_read_only to on`);
    try {
      const store = open();
      expect(await store.trouble()).toBe("Postgres is read-only: it refuses to write");
    } finally {
      await sql.unsafe(`alter database ${database} reset default_transaction_read_only`);
    }
  });

  it("survives hundreds of cuts under load: every query is answered or unavailable, and none hangs", async () => {
    const store = open();
    const messages = createMessages(store);
    const counts = { answered: 0, unavailable: 0 };
    let cutting = true;
    const ask = async (): Promise<void> => {
      while (cutting) {
        const code = await codeOf(messages.last("any"));
        if (code === "answered") counts.answered += 1;
        else if (code === "unavailable") counts.unavailable += 1;
        else throw new Error(`neither answered nor unavailable: ${String(code)}`);
      }
    };
    const asking = Array.from({ length: 6 }, ask);
    for (let n = 0; n < 300; n += 1) {
      proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, n % 7));
    }
    cutting = false;
    await Promise.all(asking);
    expect(counts.unavailable).toBeGreaterThan(10);
    expect(await codeOf(messages.last("any"))).toBe("answered");
  });

  it("gives up a server that is frozen, and uses it again once it is not", async () => {
    const store = open({ statementTimeoutMs: 200 });
    const messages = createMessages(store);
    await messages.last("any");
    proxy.freeze(true);
    expect(await codeOf(messages.last("any"))).toBe("unavailable");
    expect(await store.trouble()).toBe("Postgres does not answer");
    proxy.freeze(false);
    await eventually(async () => (await codeOf(messages.last("any"))) === "answered");
  });

  it("says of an act that a frozen server may yet carry out that this is not known, never that nothing happened", async () => {
    const acts = createChannelActs(open({ statementTimeoutMs: 200 }));
    const actor = { kind: "key", name: "ops" } as const;
    const wanted = { kind: "public", owner: "ann", given: {} } as const;
    const create = (channel: string) => acts.create({ actor, channel, partition: 0, wanted });
    expect((await create("before")).kind).toBe("done");
    proxy.freeze(true);
    expect(await codeOf(create("meanwhile"))).toBe("unknown");
    proxy.freeze(false);
    await eventually(async () => (await codeOf(create("after"))) === "answered");
    proxy.refuse(true);
    proxy.cut();
    await eventually(async () => (await codeOf(create("refused"))) === "unavailable");
    proxy.refuse(false);
  });

  it("does not wait for connections on which nothing ever comes back", async () => {
    const links = new Set<Socket>();
    const { hostname, port } = new URL(url);
    const swallower = createServer((client) => {
      const server = connect(Number(port), hostname);
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) links.add(socket.on("error", () => undefined));
    });
    await new Promise<void>((resolve) => {
      swallower.listen(0, "127.0.0.1", resolve);
    });
    const address = swallower.address();
    const through = new URL(url);
    through.port = String(typeof address === "object" ? address?.port : 0);
    const store = open({ url: through.href, statementTimeoutMs: 100 });
    const messages = createMessages(store);
    await Promise.all([1, 2, 3].map(() => messages.last("any")));
    // As a path that vanished: the links stand, and their bytes go nowhere. New ones would be fine.
    for (const link of links) link.unpipe();
    await Promise.all([1, 2, 3].map(async () => expect(await codeOf(messages.last("any"))).toBe("unavailable")));
    expect(await codeOf(messages.last("any"))).toBe("answered");
    for (const link of links) link.destroy();
    swallower.close();
  });

  it("comes through a connection that Postgres ends, also one that waits for a lock", async () => {
    const store = open();
    await saveBatch(store, batchOf(entriesOf(2, rowsOf("ended", 1))));
    await sql.begin(async (other) => {
      await other`select 1 from outbox_positions where partition = 2 for update`;
      const saving = saveBatch(store, batchOf(entriesOf(2, rowsOf("ended", 2)))).catch((error: unknown) => error);
      await eventually(async () => {
        const ended = await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'test' and wait_event_type = 'Lock'`;
        return ended.length > 0;
      });
      expect(isAway(await saving)).toBe(true);
    });
    expect(await saveBatch(store, batchOf(entriesOf(2, rowsOf("ended", 2))))).toMatchObject({
      inserted: 1,
      skipped: 1,
    });
  });

  it("opens connections on which a process that is frozen in a transaction keeps its locks for seconds and not for good", async () => {
    await sql`insert into outbox_positions (partition) values (9)`;
    const address = readPostgresUrl(url);
    const frozen = createPool({ address, max: 1, application: "frozen", statementTimeoutMs: 5_000, way: "direct" });
    onTestFinished(() => frozen.end({ timeout: 0 }));
    const sinceMs = performance.now();
    await frozen.unsafe("begin; select from outbox_positions where partition = 9 for update");
    await sql`select from outbox_positions where partition = 9 for update`;
    expect(performance.now() - sinceMs).toBeLessThan(10_000);
  });

  it("leaves a batch whole or undone when its link is cut while it commits", async () => {
    const store = open();
    const messages = createMessages(store);
    const entries = entriesOf(20, rowsOf("cut", 900));
    for (let done = 100; done <= 900; done += 100) {
      const batch = batchOf(entries.slice(0, done));
      const saving = eventually(async () => (await saveBatch(store, batch)).kind === "saved", { everyMs: 1 });
      proxy.cut();
      await saving;
      expect(await messages.after("cut", { epoch: 0, seq: 0 }, 1_000)).toHaveLength(done);
    }
  });
});

describe("the number of partitions", () => {
  it("is claimed by the first and refused to any other", async () => {
    const store = open();
    await claimPartitionCount(store, 64);
    await claimPartitionCount(store, 64);
    await expect(claimPartitionCount(store, 32)).rejects.toThrow(/made with 64 partitions .* cannot run with 32/);
  });
});
