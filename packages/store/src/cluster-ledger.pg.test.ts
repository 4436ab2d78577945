// What Postgres keeps of the cluster for good, and which Redis is drained into it now.
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { createClusterLedger } from "./cluster-ledger.ts";
import { connectStore } from "./connect.ts";
import { claimPartitionCount, UnfitPostgres } from "./partition-count.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const ledger = createClusterLedger(store);

const living = async (): Promise<Record<string, number>> =>
  Object.fromEntries((await ledger.lives()).map(({ life, beats }) => [life, beats]));

describe("the cluster's id", () => {
  it("is what the first of many proposed, for all and for good", async () => {
    const said = await Promise.all(["a", "b", "c", "d"].map((proposed) => ledger.cluster(proposed)));
    expect(new Set(said).size).toBe(1);
    expect(await ledger.cluster("another")).toBe(said[0]);
  });

  it("and the number of partitions are read, not written, once they stand: a Postgres that refuses to write does not matter", async () => {
    await claimPartitionCount(store, 64);
    const known = await ledger.cluster("x");
    const [row] = await sql<{ name: string }[]>`select current_database() as name`;
    await sql.unsafe(`alter database ${row?.name ?? ""} set default_transaction_read_only = on`);
    const readOnly = connectStore({ url, max: 1, application: "test-read-only", statementTimeoutMs: 5_000 });
    try {
      expect(await createClusterLedger(readOnly).cluster("y")).toBe(known);
      await claimPartitionCount(readOnly, 64);
      await expect(claimPartitionCount(readOnly, 32)).rejects.toBeInstanceOf(UnfitPostgres);
    } finally {
      await readOnly.close();
      await sql.unsafe(`alter database ${row?.name ?? ""} reset default_transaction_read_only`);
    }
  });
});

describe("a Redis that is drained", () => {
  it("is listed from its first word on, with how often it was told of and since when", async () => {
    await ledger.beat("one");
    const [first] = await ledger.lives();
    await Promise.all([ledger.beat("one"), ledger.beat("one"), ledger.beat("two")]);
    expect(await living()).toEqual({ one: 3, two: 1 });
    expect((await ledger.lives()).find(({ life }) => life === "one")?.since).toBe(first?.since);
  });

  it("is no longer listed ten seconds after its last word, and begins anew with the next", async () => {
    await sql`update redis_lives set beat_at = beat_at - 10001, since = 1 where life = 'one'`;
    expect(await living()).toEqual({ two: 1 });
    await ledger.beat("one");
    expect((await ledger.lives()).find(({ life }) => life === "one")?.since).toBeGreaterThan(1);
  });

  it("is forgotten when it is over, and a day after its last word", async () => {
    await ledger.forget("one");
    expect(await living()).toEqual({ two: 1 });
    await sql`update redis_lives set beat_at = beat_at - 86400001`;
    await ledger.beat("three");
    expect((await sql`select life from redis_lives`).map((row) => row["life"])).toEqual(["three"]);
  });
});
