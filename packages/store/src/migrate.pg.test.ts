// Contract of the migrations, on empty databases.
import { testPostgres } from "@rookery/testkit";
import { describe, expect, it } from "vitest";
import { migrateUp, migrationStatus } from "./migrate.ts";

const { url, sql } = await testPostgres({ migrated: false });
const second = await testPostgres({ migrated: false });

describe("migrations", () => {
  it("are all pending on an empty database, and telling so changes nothing", async () => {
    const states = await migrationStatus(url);
    expect(states.length).toBeGreaterThan(2);
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(["pending"]));
    expect(await sql`select 1 from information_schema.tables where table_schema = 'public'`).toHaveLength(0);
  });

  it("are applied once, in order, however many ask at once", async () => {
    const answers = await Promise.all([migrateUp(url), migrateUp(url), migrateUp(url)]);
    const applied = answers.flat();
    expect(applied).toEqual(applied.toSorted());
    expect(new Set(applied).size).toBe(applied.length);
    const states = await migrationStatus(url);
    expect(states.map(({ name }) => name)).toEqual(applied);
    expect(states.every(({ state, appliedAt }) => state === "applied" && (appliedAt ?? 0) > 1.7e12)).toBe(true);
    expect(await migrateUp(url)).toEqual([]);
  });

  it("refuse to go on when an applied one was changed", async () => {
    await migrateUp(second.url);
    await second.sql`update schema_migrations set checksum = 'another' where name like '0002%'`;
    await second.sql`insert into schema_migrations (name, checksum) values ('9999-from-a-later-version', 'x')`;
    const states = await migrationStatus(second.url);
    expect(states.find(({ name }) => name.startsWith("0002"))?.state).toBe("changed");
    expect(states.at(-1)).toMatchObject({ name: "9999-from-a-later-version", state: "unknown" });
    await expect(migrateUp(second.url)).rejects.toThrow(/changed since: 0002-save-batch/);
  });
});
