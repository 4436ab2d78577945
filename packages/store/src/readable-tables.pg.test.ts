// Contract with whoever reads the database by plain SQL: times that can be read, and words for every table and column.
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { batchOf, entriesOf, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());

describe("the view of messages", () => {
  it("shows every row with its time as a timestamp and its position as the API writes it", async () => {
    const [first, ...rest] = rowsOf("readable", 3);
    if (first === undefined) throw new Error("no row");
    const atMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
    await saveBatch(store, batchOf(entriesOf(1, [{ ...first, at: atMs, body: "one" }, ...rest])));
    const rows = await sql`
      select at, position, author, body, deleted_at from readable_messages where channel = 'readable' order by epoch, seq`;
    expect(rows).toHaveLength(3);
    expect(rows[0]).toEqual({
      at: new Date(atMs),
      position: `${first.epoch}-${first.seq}`,
      author: first.author,
      body: "one",
      deleted_at: null,
    });
  });
});

describe("the tables", () => {
  const tables = [
    ...["messages", "channels", "members", "users", "api_keys", "refresh_tokens", "cluster_settings"],
    ...["outbox_positions", "dead_letters", "quarantine", "reactions", "mentions", "schema_migrations"],
    ...["read_positions", "bans", "mutes", "user_bans", "revocations", "global_rights", "announcements"],
    "audit_log",
  ];

  it("say what they and all their columns are", async () => {
    const silent = await sql<{ what: string }[]>`
      select c.relname || coalesce('.' || a.attname, '') as what
      from pg_class c
      left join lateral (
        select null::name as attname, 0 as attnum
        union all
        select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
      ) as a on true
      where c.relnamespace = 'public'::regnamespace and c.relname = any (${tables})
        and col_description(c.oid, a.attnum) is null
        and (a.attnum > 0 or obj_description(c.oid, 'pg_class') is null)`;
    expect(silent.map(({ what }) => what)).toEqual([]);
  });
});
