// What a persister counts. Everything happens per batch, so nothing here is hot.
import type { Shed } from "@rookery/broker";
import type { Metrics, PlainCount } from "@rookery/runtime";
import type { SavedOutcome } from "@rookery/store";
import type { Backlog } from "./backlog.ts";
import type { Holds } from "./holds.ts";
import type { Outage } from "./outage.ts";
import type { Relief } from "./relief.ts";

export interface PersisterMetrics {
  committed(outcome: SavedOutcome, entries: number, tookMs: number): void;
  /** Heads of a Redis that had lost what Postgres has. */
  raised(heads: number): void;
  shed(shed: Shed): void;
  /** Rows that were not messages. */
  took(what: (typeof TAKINGS)[number], count: number): void;
  /** What channels do not keep. */
  removed(logEntries: number, storedRows: number): void;
}

const SIZES = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
/** From a commit on one machine to the statement timeout. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const TAKINGS = ["reads", "seen"] as const;
const ENTRY_FATES = ["inserted", "skipped", "quarantined", "dead"] as const;

export interface PersisterGauges {
  readonly backlog: Backlog;
  readonly holds: Pick<Holds, "count">;
  readonly relief: Pick<Relief, "fullness">;
  readonly redis: Outage;
  readonly postgres: Outage;
  owned(this: void): number;
}

export function createPersisterMetrics(metrics: Metrics, gauges: PersisterGauges): PersisterMetrics {
  const { backlog, holds, relief, redis, postgres } = gauges;
  const counter = (name: string, help: string): PlainCount => metrics.plainCounter(`rookery_persister_${name}`, help);
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge(`rookery_persister_${name}`, help, read);

  const rows = counter("rows_total", "Rows of messages committed in Postgres.");
  const deadLetters = counter("dead_letters_total", "Entries that Postgres would not take.");
  const quarantined = counter("quarantined_total", "Messages whose position or id was another's.");
  const raised = counter("raised_prevs_total", "Epochs that begin after a message their Redis had lost.");
  const raisedHeads = counter("raised_heads_total", "Channels of which another Redis had less than Postgres.");
  const shedEntries = counter("shed_entries_total", "Saved log entries taken out of a Redis that was nearly full.");
  const shedBytes = counter("shed_bytes_total", "Bytes of the frames taken out of a Redis that was nearly full.");
  const removedEntries = counter("removed_entries_total", "Log entries that were older than their channel keeps any.");
  const removedRows = counter("removed_rows_total", "Rows in Postgres that their channel does not keep.");
  const fates = metrics.plainCounters(
    "rookery_persister_entries_total",
    "Entries by what became of them.",
    "fate",
    ENTRY_FATES,
  );
  const taken = metrics.plainCounters(
    "rookery_persister_taken_total",
    "Read positions and last sights of users committed in Postgres.",
    "what",
    TAKINGS,
  );
  const batchEntries = metrics.histogram("rookery_persister_batch_entries", "Entries in one transaction.", SIZES);
  const insertSeconds = metrics.histogram("rookery_persister_insert_seconds", "Time of one transaction.", SECONDS);

  gauge(
    "outbox_entries",
    "Entries that wait for Postgres, in all partitions.",
    () => backlog.latest()?.entries ?? Number.NaN,
  );
  gauge(
    "outbox_bytes",
    "Bytes that wait for Postgres, in all partitions.",
    () => backlog.latest()?.bytes ?? Number.NaN,
  );
  gauge(
    "fullest_outbox_ratio",
    "What waits in the fullest partition, of what may wait there before sends are refused.",
    () => backlog.fullest(),
  );
  gauge("watermark_age_seconds", "Age of the oldest message that waits for Postgres.", () =>
    backlog.ageSeconds(Date.now()),
  );
  gauge("held_partitions", "Partitions held by an entry of a kind that a newer persister understands.", holds.count);
  gauge("owned_partitions", "Partitions that this persister drains.", gauges.owned);
  gauge("redis_fullness_ratio", "Used share of maxmemory, of the fullest Redis master; absent without a limit.", () =>
    relief.fullness(),
  );
  gauge("redis_state", "1 while Redis answers, 0 while it is away.", () => reading(redis));
  gauge("postgres_state", "1 while Postgres commits, 0 while it is away.", () => reading(postgres));

  return {
    committed(outcome, entries, tookMs) {
      const { inserted, skipped, deadLetters: letters } = outcome;
      rows.n += inserted;
      deadLetters.n += letters.length;
      quarantined.n += outcome.quarantined;
      raised.n += outcome.raised.length;
      fates.inserted.n += inserted - letters.length;
      fates.skipped.n += skipped;
      fates.quarantined.n += outcome.quarantined;
      fates.dead.n += letters.length;
      batchEntries.observe(entries);
      insertSeconds.observe(tookMs / 1_000);
    },
    shed({ entries, bytes }) {
      shedEntries.n += entries;
      shedBytes.n += bytes;
    },
    raised(heads) {
      raisedHeads.n += heads;
    },
    took(what, count) {
      taken[what].n += count;
    },
    removed(logEntries, storedRows) {
      removedEntries.n += logEntries;
      removedRows.n += storedRows;
    },
  };
}

/** NaN, which is left out, until the first attempt. */
function reading({ state }: Outage): number {
  return { unknown: Number.NaN, reachable: 1, lost: 0 }[state];
}
