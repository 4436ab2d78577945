// Every verdict about a Postgres, from a look at one that is well and is then spoiled at one spot.
import type { MigrationState, PostgresLook, PostgresServer } from "@rookery/store";
import { describe, expect, it } from "vitest";
import type { Verdict } from "./check.ts";
import { judgePostgres } from "./judge-postgres.ts";

const NEEDS = { statementTimeoutMs: 5_000, toleranceMs: 5_000 };
const SERVER: PostgresServer = {
  ...{ version: "17.6", versionNumber: 170_006, isReadOnly: false, maxConnections: 100, role: "rookery_edge" },
  ...{ schema: "public", isEncrypted: true, serverMs: 1_005, sentMs: 1_000, receivedMs: 1_010 },
};
const FIRST = { name: "0001-tables", state: "applied", appliedAt: 1 } as const;
const WELL: PostgresLook = {
  ...{ name: "db.example:5432", sslMode: "verify-full", fault: undefined, server: SERVER, isPooled: false },
  ...{ statementMs: 5_000, migrations: [FIRST], lacking: [], partitions: "64", cluster: "c" },
};
const serverIs = (change: Partial<PostgresServer>): PostgresLook => ({ ...WELL, server: { ...SERVER, ...change } });
type State = MigrationState["state"];
const also = (name: string, state: State): PostgresLook => ({ ...WELL, migrations: [FIRST, { name, state }] });

type Row = readonly [check: string, verdict: Verdict, found: RegExp, look: PostgresLook];

// prettier-ignore
const ROWS: readonly Row[] = [
  ["postgres", "ok", /^db\.example:5432 answers rookery_edge$/, WELL],
  ["postgres", "trouble", /^db\.example:5432: ECONNREFUSED$/, { ...WELL, server: undefined, fault: "ECONNREFUSED" }],
  ["postgres version", "ok", /17\.6/, WELL],
  ["postgres version", "warning", /14\.1/, serverIs({ version: "14.1", versionNumber: 140_001 })],
  ["postgres version", "warning", /19\.0/, serverIs({ version: "19.0", versionNumber: 190_000 })],
  ["postgres tls", "ok", /proves who it is/, WELL],
  ["postgres tls", "ok", /on this machine/, { ...WELL, sslMode: "disable", name: "127.0.0.1:5432" }],
  ["postgres tls", "warning", /CA has signed/, { ...WELL, sslMode: "verify-ca" }],
  ["postgres tls", "warning", /with anybody$/, { ...WELL, sslMode: "require" }],
  ["postgres tls", "warning", /in the clear/, { ...WELL, sslMode: "disable" }],
  ["postgres writes", "ok", /takes writes/, WELL],
  ["postgres writes", "trouble", /read-only/, serverIs({ isReadOnly: true })],
  ["postgres timeout", "ok", /cancelled after 5000 ms/, WELL],
  ["postgres timeout", "ok", /behind a pooler; .* after 3000 ms/, { ...WELL, isPooled: true, statementMs: 3_000 }],
  ["postgres timeout", "warning", /for ever/, { ...WELL, isPooled: true, statementMs: 0 }],
  ["postgres rights", "ok", /may do what/, WELL],
  ["postgres rights", "warning", /cannot be seen/, { ...WELL, lacking: undefined }],
  ["postgres rights", "trouble", /lacks insert on a, insert on b, insert on c, 1 more$/, { ...WELL, lacking: ["insert on a", "insert on b", "insert on c", "insert on d"] }],
  ["schema", "ok", /up to date: 0001-tables/, WELL],
  ["schema", "warning", /may not see/, { ...WELL, migrations: undefined }],
  ["schema", "warning", /newer than this build: 9999-later/, also("9999-later", "unknown")],
  ["schema", "trouble", /no older one works with it: 9999-breaking-all/, also("9999-breaking-all", "breaking")],
  ["schema", "trouble", /older than this build: 0002-more/, also("0002-more", "pending")],
  ["schema", "trouble", /no tables yet: 0001-tables/, { ...WELL, migrations: [{ name: "0001-tables", state: "pending" }] }],
  ["schema", "trouble", /not what this build applies: 0002-more/, also("0002-more", "changed")],
  ["postgres clock", "ok", /agrees/, WELL],
  ["postgres clock", "warning", /1490 ms ahead of/, serverIs({ serverMs: 2_500 })],
  ["postgres clock", "trouble", /6000 ms behind/, serverIs({ serverMs: -5_000 })],
];

describe("a look at Postgres", () => {
  it.each(ROWS)("%s: %s where it is found that %s", (check, verdict, found, look) => {
    const finding = judgePostgres(look, NEEDS).find(({ name }) => name === check);
    expect(finding).toMatchObject({ verdict, found: expect.stringMatching(found) as unknown });
    expect(finding?.fix === undefined).toBe(verdict === "ok");
  });

  it("that is well is well throughout", () => {
    expect(new Set(judgePostgres(WELL, NEEDS).map(({ verdict }) => verdict))).toEqual(new Set(["ok"]));
  });

  it("says nothing of a limit of statements to the migrations, which have none", () => {
    const names = judgePostgres(WELL, { ...NEEDS, statementTimeoutMs: undefined }).map(({ name }) => name);
    expect(names).not.toContain("postgres timeout");
  });
});
