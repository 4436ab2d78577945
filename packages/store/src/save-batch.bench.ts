// Rows a second: batches of 1,000 entries over 64 partitions and 200 channels, beside one-row batches and beside bare
// one-row inserts, in the same run. Run with `npx vitest bench --run --project servers packages/store`; the figures to read
// are the lines it prints, since vitest counts calls and not rows.
import { testPostgres } from "@rookery/testkit";
import { afterAll, bench, describe } from "vitest";
import { batchOf, EPOCH, entryOf, messageRow } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { saveBatch } from "./save-batch.ts";
import type { BatchEntry } from "./batch.ts";

const PARTITIONS = 64;
const CHANNELS = 200;
const BODY = "x".repeat(200);

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "bench", statementTimeoutMs: 5_000 });

let made = 0;
function next(): BatchEntry {
  made += 1;
  const channel = made % CHANNELS;
  const row = messageRow(`bench-${channel}`, Math.ceil(made / CHANNELS) + 1, {
    body: BODY,
    author: `user-${made % 500}`,
  });
  return entryOf(channel % PARTITIONS, { epoch: EPOCH, number: made }, row);
}

async function save(entries: number): Promise<void> {
  const outcome = await saveBatch(store, batchOf(Array.from({ length: entries }, next)));
  if (outcome.kind !== "saved" || outcome.inserted !== entries)
    throw new Error(`not saved: ${JSON.stringify(outcome)}`);
}

async function insertOne(): Promise<void> {
  const { row } = next();
  if (row.kind === "unreadable" || row.kind === "audit") throw new Error("no message");
  await sql`insert into messages (channel, epoch, seq, kind, id, client_id, author, name, body, at)
    values (${row.channel}, ${row.epoch}, ${row.seq}, ${row.kind}, ${row.id}, ${row.clientId}, ${row.author}, ${row.name},
      ${row.body}, ${row.at})`;
}

const lines: string[] = [];
afterAll(async () => {
  await store.close();
  for (const line of lines) process.stdout.write(`${line}\n`);
});

/** One after another, as a persister does. */
function rows(name: string, rowsACall: number, call: () => Promise<void>): void {
  let calls = 0;
  let spentMs = 0;
  bench(
    name,
    async () => {
      const startedMs = performance.now();
      await call();
      spentMs += performance.now() - startedMs;
      calls += 1;
    },
    {
      time: 3_000,
      warmupTime: 500,
      teardown: (_, mode) => {
        if (mode === "run") lines.push(`${name}: ${Math.round((calls * rowsACall) / (spentMs / 1_000))} rows/s`);
      },
    },
  );
}

describe("saveBatch", () => {
  rows("batches of 1,000", 1_000, () => save(1_000));
  rows("batches of 100", 100, () => save(100));
  rows("batches of 1", 1, () => save(1));
  rows("bare one-row inserts", 1, insertOne);
});
