// Contract of a store that works with our tables, on databases whose schema is not the one it knows.
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { connectStore } from "./connect.ts";
import type { Store } from "./connect.ts";
import { migrateUp } from "./migrate.ts";
import { createOutboxPositions } from "./outbox-positions.ts";

const empty = await testPostgres({ migrated: false });
const newer = await testPostgres();
const guarded = await testPostgres();

const opened: Store[] = [];
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
});

interface Told {
  readonly store: Store;
  readonly states: (readonly [string, string | undefined])[];
  readonly refusals: string[];
}

function open(url: string): Told {
  const states: (readonly [string, string | undefined])[] = [];
  const refusals: string[] = [];
  const store = connectStore({
    ...{ url, max: 2, application: "test", statementTimeoutMs: 5_000 },
    onState: (state, detail) => states.push([state, detail]),
    refusedSchema: (reason) => refusals.push(reason),
  });
  opened.push(store);
  return { store, states, refusals };
}

const answered = async ({ store }: Told): Promise<string> =>
  createOutboxPositions(store)
    .lastIds()
    .then(
      () => "answered",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );

describe("a store on a database", () => {
  it("without our tables is as one without Postgres, says what to run, and serves once that was run", async () => {
    const told = open(empty.url);
    expect(await answered(told)).toBe("unavailable");
    expect(await told.store.trouble()).toMatch(/^the database has no tables .*run `rookery migrate up`$/);
    expect(told.states).toEqual([["lost", await told.store.trouble()]]);
    await migrateUp(empty.url);
    expect(await answered(told)).toBe("answered");
    expect(told.states.map(([state]) => state)).toEqual(["lost", "ready"]);
    expect(told.refusals).toEqual([]);
  });

  it("with a newer schema serves, and says so; with one that breaks older builds it is refused", async () => {
    await newer.sql`insert into schema_migrations (name, checksum) values ('0900-more', 'x')`;
    const beside = open(newer.url);
    expect(await answered(beside)).toBe("answered");
    expect(beside.states).toEqual([["ready", "the schema is newer than this build (0900-more), which works with it"]]);

    await newer.sql`insert into schema_migrations (name, checksum) values ('0901-breaking-ids', 'x')`;
    const broken = open(newer.url);
    expect(await answered(broken)).toBe("unavailable");
    expect(broken.refusals).toEqual([expect.stringMatching(/newer build.*0901-breaking-ids/)]);
    await expect(migrateUp(newer.url)).rejects.toThrow(/0901-breaking-ids/);
  });

  it("whose list of migrations it may not read serves all the same", async () => {
    await guarded.sql`revoke all on schema_migrations from current_user`;
    const told = open(guarded.url);
    expect(await answered(told)).toBe("answered");
    expect(told.states).toEqual([["ready", undefined]]);
  });
});
