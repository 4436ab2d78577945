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
    const states = await migrationStatus(url);
    // Each by one of them: which, is a matter of chance.
    expect(answers.flat().toSorted()).toEqual(states.map(({ name }) => name));
    const times = states.map(({ appliedAt }) => appliedAt ?? 0);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
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
