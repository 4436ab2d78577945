// Contract of a test file's own database.
import { describe, expect, it } from "vitest";
import { testPostgres } from "./postgres.ts";

const own = await testPostgres();
const empty = await testPostgres({ migrated: false });

describe("testPostgres", () => {
  it("gives a database of one's own, migrated", async () => {
    const [row] = await own.sql`select current_database() as name, current_user as role`;
    expect(own.url).toContain(String(row?.["name"]));
    expect(row?.["role"]).toBe("rookery");
    const tables = await own.sql`select 1 from information_schema.tables where table_schema = 'public'`;
    expect(tables.length).toBeGreaterThan(0);
  });

  it("gives an empty one when asked", async () => {
    const tables = await empty.sql`select 1 from information_schema.tables where table_schema = 'public'`;
    expect(tables.length).toBe(0);
    expect(empty.url).not.toBe(own.url);
  });
});
