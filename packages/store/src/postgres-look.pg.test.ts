// A look at a real Postgres, straight and through a pooler of connections, as a process would find its way there.
import { testPostgres } from "@rookery/testkit";
import { expect, it } from "vitest";
import { refusesTimeouts, startFront } from "./pooler.suite.ts";
import { lookAtPostgres } from "./postgres-look.ts";

const { url, sql } = await testPostgres();
const options = { user: "edge", statementTimeoutMs: 3_000, withinMs: 4_000 } as const;

it("a straight connection has the timeout that it was opened with, and everything is seen", async () => {
  const look = await lookAtPostgres({ ...options, url });
  expect(look).toMatchObject({ fault: undefined, isPooled: false, statementMs: 3_000, lacking: [], cluster: "" });
  expect(new Set(look.migrations?.map(({ state }) => state))).toEqual(new Set(["applied"]));
});

it("a pooler that refuses timeouts is noticed, and what is in force behind it is told", async () => {
  const pooled = await startFront(url, refusesTimeouts());
  const look = await lookAtPostgres({ ...options, url: pooled });
  expect(look).toMatchObject({ fault: undefined, isPooled: true, statementMs: 0, lacking: [] });
  expect(look.server?.role).toBe(new URL(url).username);
});

it("a migration whose file is another one now is told", async () => {
  const [last] = await sql`update schema_migrations set checksum = 'x' where name like '0001-%' returning name`;
  const { migrations = [] } = await lookAtPostgres({ ...options, url });
  expect(migrations.filter(({ state }) => state === "changed").map(({ name }) => name)).toEqual([last?.["name"]]);
});

it("a password that is wrong is told in one line that does not show it", async () => {
  const wrong = new URL(url);
  wrong.password = "hushhush";
  const { fault, server } = await lookAtPostgres({ ...options, url: wrong.href });
  expect(server).toBeUndefined();
  expect(fault).toMatch(/^password authentication failed .*28P01/);
  expect(fault).not.toContain("hushhush");
});
