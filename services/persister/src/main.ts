// The persister process: builds every part once and gives them back in reverse. What it does is in drain.ts.
import {
  createComparing,
  createExpiry,
  createOutbox,
  createRegistry,
  createShedding,
  createTakings,
  NEWEST_KIND,
} from "@rookery/broker";
import { joinCluster, openInternalPort, runNode, watchFitness, watchOwnStores } from "@rookery/node";
import type { NodeContext } from "@rookery/node";
import {
  createAuditChain,
  createAuditKey,
  createMessages,
  createOutboxPositions,
  createReadPositions,
  createRetention,
  saveBatch,
  saveSeen,
} from "@rookery/store";
import type { AuditChain, SavedOutcome } from "@rookery/store";
import { createAuditNotes } from "./audit-notes.ts";
import { createBacklog } from "./backlog.ts";
import { createComparisonLoop } from "./comparison.ts";
import { createDrain } from "./drain.ts";
import { checkPostgres } from "./fit-postgres.ts";
import { createHolds } from "./holds.ts";
import { createPersisterMetrics } from "./metrics.ts";
import { createRelief } from "./relief.ts";
import { createRetentionLoop } from "./retention.ts";
import { createShareWatch } from "./share-watch.ts";
import { connectStores } from "./stores.ts";
import { createSureSave } from "./sure-save.ts";
import { createTakingsLoop } from "./takings.ts";

type Context = NodeContext<"persister">;

const BACKLOG_EVERY_MS = 2_000;
/** While nothing is committed; behind commits it looks by itself. */
const RELIEF_EVERY_MS = 1_000;
/** A read that waits for entries, then the last commit, which may take Postgres' whole statement timeout. */
const STOP_SLACK_MS = 4_000;

await runNode("persister", main);

async function main(context: Context): Promise<void> {
  const { settings, log, onStop } = context;
  const stores = connectStores(context);
  const { keys, store, commands, reader, outages } = stores;
  const outbox = createOutbox({ connection: commands, reader, keys, logEntries: settings.logEntries });
  const { outboxMaxBytes: budgetBytes } = settings;
  const backlog = createBacklog({ outbox, budgetBytes, partitions: settings.partitions, log });
  const holds = createHolds({ log, streamOf: (partition) => keys.partition(partition).outbox });
  let owned: readonly number[] = [];
  const relief = createRelief({
    shedding: createShedding({ connection: commands, keys }),
    owned: () => owned,
    // One that is read-only gives back what was shed, and that is enough.
    postgresAnswers: async () => store.trouble().then(() => store.state() === "ready"),
    shed: (shed) => metrics.shed(shed),
    log,
  });
  const metrics = createPersisterMetrics(context.metrics, {
    backlog,
    holds,
    relief,
    ...outages,
    owned: () => owned.length,
  });
  const internalPort = await openInternalPort(context, "persister", {
    redis: () => (stores.isRedisThere() ? undefined : "Redis does not answer"),
    postgres: () => outages.postgres.trouble() ?? store.trouble(),
    memory: () => relief.trouble(),
    kinds: () => holds.trouble(),
  });

  const starting = new AbortController();
  onStop("start", () => starting.abort());
  const { signal } = starting;
  const waitingLine = "this persister waits for Redis";
  const fitness = watchFitness({ context, connection: commands, keys, waitingLine });
  const postgresFit = checkPostgres({ store, partitions: settings.partitions, log, signal });
  const [isRedisFit, wrong] = await Promise.all([fitness.isFit, postgresFit]);
  if (wrong !== undefined) context.refuse(wrong);
  if (wrong !== undefined || !isRedisFit || signal.aborted) return;
  const belonging = watchOwnStores({ context, commands, keys, store, after: Promise.resolve(), drains: true });
  // Before the one above is closed, which ends the wait below.
  onStop("waiting", () => starting.abort());
  await belonging.settled;
  if (signal.aborted) return;

  const broken = (err: unknown): void => log.error({ err }, "a look at the stores failed; the next one follows");
  const watching = setInterval(() => {
    backlog.look().catch(broken);
  }, BACKLOG_EVERY_MS);
  onStop("backlog", () => clearInterval(watching));
  const relieving = setInterval(() => {
    relief.sweep().catch(broken);
  }, RELIEF_EVERY_MS);
  onStop("relief", () => clearInterval(relieving));
  const chain = auditChain(context);
  const drain = createDrain({
    outbox,
    save: createSureSave({
      outbox,
      positions: createOutboxPositions(store),
      save: (batch) => saveBatch(store, batch, chain),
      refuse: context.refuse,
    }),
    batchEntries: settings.batchEntries,
    lingerMs: settings.batchLingerMs,
    ...outages,
    holds,
    stuck: (partition, err) => log.error({ partition, err }, "this partition cannot be saved; the others go on"),
    committed(outcome, entries, tookMs) {
      metrics.committed(outcome, entries, tookMs);
      relief.look().catch(broken);
      report(log, outcome);
    },
  });
  stores.onReconnect(() => drain.reread());
  // What stops first stands last: the batch in flight, then the partitions, so that whoever takes them finds nothing half done.
  joinCluster({ context, commands, keys, self: { kind: "persister", kinds: NEWEST_KIND } });
  const shares = createShareWatch({
    registry: createRegistry({ connection: commands, keys, leaseMs: settings.leaseMs }),
    node: context.node.current,
    kinds: NEWEST_KIND,
    partitions: settings.partitions,
    share(partitions) {
      owned = partitions;
      drain.own(partitions);
    },
  });
  await shares.start();
  onStop("shares", () => shares.stop());
  drain.start();
  onStop("drain", () => drain.stop(), settings.statementTimeoutMs + STOP_SLACK_MS);
  const takings = createTakingsLoop({
    takings: createTakings({ connection: commands, keys }),
    owned: () => owned,
    saveReads: (reads) => createReadPositions(store).save(reads),
    saveSeen: (seen) => saveSeen(store, seen),
    took: (what, count) => metrics.took(what, count),
    fault: (err) =>
      log.error({ err }, "what users have read or when they were seen cannot be saved; it is tried again"),
  });
  takings.start();
  onStop("takings", () => takings.stop(), settings.statementTimeoutMs + STOP_SLACK_MS);
  const comparison = createComparisonLoop({
    comparing: createComparing({ connection: commands, keys }),
    owned: () => owned,
    lasts: (channels) => createMessages(store).lasts(channels),
    raised(heads) {
      metrics.raised(heads);
      log.warn({ heads }, "this Redis had lost what Postgres has of some channels; they go on from there");
    },
    fault: (err) => log.error({ err }, "what Redis knows of channels cannot be compared; it is tried again"),
  });
  comparison.start();
  onStop("comparison", () => comparison.stop(), settings.statementTimeoutMs + STOP_SLACK_MS);
  const retention = createRetentionLoop({
    redis: createExpiry({ connection: commands, keys }),
    postgres: createRetention(store),
    node: context.node.current,
    removed: (entries, rows) => metrics.removed(entries, rows),
    fault: (err) => log.error({ err }, "what channels do not keep cannot be removed; it is tried again"),
  });
  retention.start();
  onStop("retention", () => retention.stop(), settings.statementTimeoutMs + STOP_SLACK_MS);
  const auditNotes = createAuditNotes({ chain, owned: () => owned, log });
  onStop("audit notes", auditNotes.close);
  context.announceReady({ internalPort });
}

function auditChain({ settings, node, log }: Context): AuditChain {
  const { auditKey = "", auditPreviousKey } = settings;
  return createAuditChain({
    key: createAuditKey(auditKey),
    previousKey: auditPreviousKey === undefined ? undefined : createAuditKey(auditPreviousKey),
    actor: () => `node:${node.current()}`,
    shortened: (partition, known, found) =>
      log.error(
        { partition, known, found },
        "rows of the audit log are gone: its chain ends before what was added to it",
      ),
  });
}

/** What somebody has to look at, by place and id, never with its text. */
function report(log: Context["log"], { deadLetters, quarantined, raised }: SavedOutcome): void {
  for (const letter of deadLetters) log.error(letter, "Postgres refused a message; it is in dead_letters");
  if (quarantined > 0) log.error({ quarantined }, "messages without a position of their own; they are in quarantine");
  for (const { channel, position, prev } of raised) {
    log.warn({ channel, position, prev }, "an epoch begins after messages that its Redis had lost");
  }
}
