// The persister process: builds every part once and gives them back in reverse. What it does is in drain.ts.
import {
  connectRedis,
  createClusterMarks,
  createKeys,
  createOutbox,
  createPartitions,
  createRegistry,
  createShedding,
  isReady,
  NEWEST_KIND,
  startBelonging,
  watchBudget,
} from "@rookery/broker";
import { runNode } from "@rookery/node";
import type { NodeContext } from "@rookery/node";
import { ChatError } from "@rookery/protocol";
import { startInternalServer, VERSION } from "@rookery/runtime";
import { connectStore, createClusterLedger, outageReason, saveBatch } from "@rookery/store";
import type { SavedOutcome } from "@rookery/store";
import { createBacklog } from "./backlog.ts";
import { createDrain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import type { Holds } from "./holds.ts";
import { createMembership } from "./membership.ts";
import type { Membership } from "./membership.ts";
import { createPersisterMetrics } from "./metrics.ts";
import { createOutage } from "./outage.ts";
import { createRelief } from "./relief.ts";
import type { Relief } from "./relief.ts";
import { checkStores } from "./startup.ts";

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
  const internalPort = await listen(context, stores, { relief, holds });

  const starting = new AbortController();
  onStop("start", () => starting.abort());
  const wrong = await checkStores({ redis: commands, keys, store, log, signal: starting.signal });
  if (wrong !== undefined) context.refuse(wrong);
  if (wrong !== undefined || starting.signal.aborted) return;
  const belonging = startBelonging({
    marks: createClusterMarks(commands, keys),
    ledger: createClusterLedger(store),
    after: Promise.resolve(),
    drains: true,
    foreign: context.refuse,
    waiting: (reason) => log.warn(`this persister waits: ${reason}`),
    fault: (err) => log[err instanceof ChatError ? "debug" : "error"]({ err }, "whose stores these are is not known"),
  });
  onStop("belonging", () => {
    starting.abort();
    belonging.close();
  });
  await belonging.settled;
  if (starting.signal.aborted) return;

  const broken = (err: unknown): void => log.error({ err }, "a look at the stores failed; the next one follows");
  const watching = setInterval(() => {
    backlog.look().catch(broken);
  }, BACKLOG_EVERY_MS);
  onStop("backlog", () => clearInterval(watching));
  const relieving = setInterval(() => {
    relief.sweep().catch(broken);
  }, RELIEF_EVERY_MS);
  onStop("relief", () => clearInterval(relieving));
  const budget = watchBudget({ connection: commands, keys, node: context.node.current, budgetBytes });
  onStop("budget", () => budget.stop());
  const drain = createDrain({
    outbox,
    save: (batch) => saveBatch(store, batch),
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
  const membership = joinCluster(context, stores, (partitions) => {
    owned = partitions;
    drain.own(partitions);
  });
  await membership.join();
  drain.start();
  // The batch in flight first, then the partitions: whoever takes them over finds nothing half done.
  onStop("registry", () => membership.leave());
  onStop("drain", () => drain.stop(), settings.statementTimeoutMs + STOP_SLACK_MS);
  context.announceReady({ internalPort });
}

type Stores = ReturnType<typeof connectStores>;

/** Nothing is routed by it: a persister is ready while it drains, so that a rollout stops at one that cannot. */
async function listen(
  context: Context,
  { commands, reader, store, outages }: Stores,
  { relief, holds }: { readonly relief: Relief; readonly holds: Holds },
): Promise<number> {
  const { settings, log, metrics, onStop } = context;
  const server = await startInternalServer({
    host: settings.internalHost,
    port: settings.internalPort,
    metrics,
    log,
    checks: [
      {
        name: "redis",
        check: async () => (isReady(commands) && isReady(reader) ? undefined : "Redis does not answer"),
      },
      { name: "postgres", check: async () => outages.postgres.trouble() ?? (await store.trouble()) },
      { name: "memory", check: async () => relief.trouble(), advisory: true },
      { name: "kinds", check: async () => holds.trouble(), advisory: true },
    ],
    drain: () => context.stop("drain"),
  });
  onStop("internal server", () => server.close());
  return server.port;
}

function joinCluster(
  { settings, node }: Context,
  { commands, keys }: Stores,
  share: (partitions: readonly number[]) => void,
): Membership {
  const registry = createRegistry({ connection: commands, keys, leaseMs: settings.leaseMs });
  return createMembership({
    registry,
    node,
    version: VERSION,
    kinds: NEWEST_KIND,
    partitions: settings.partitions,
    share,
  });
}

/** Connections that come up by themselves whenever their server does; nothing here waits for one. */
function connectStores({ settings, log, node, onStop }: Context) {
  const keys = createKeys(createPartitions(settings.partitions));
  const outages = {
    redis: createOutage("Redis", log, { isWhole: () => isReady(commands) && isReady(reader) }),
    postgres: createOutage("Postgres", log, { reasonOf: outageReason }),
  };
  const store = connectStore({
    url: settings.postgresUrl,
    max: settings.postgresConnections,
    application: `rookery-${node}`,
    statementTimeoutMs: settings.statementTimeoutMs,
    // A commit may outlast a short outage inside the driver, which connects again by itself; the store has noticed it.
    onState: (state, detail) => {
      if (state === "lost") outages.postgres.lost(detail, "away");
      else outages.postgres.back();
      if (state === "ready" && detail !== undefined) log.info({ detail }, "Postgres ready");
    },
  });
  onStop("postgres", () => store.close());
  let reconnected: () => void = () => undefined;
  const onState = (state: "ready" | "lost", detail?: string): void => {
    if (state === "ready") reconnected();
    // A connection that is closed by us has no fault to tell.
    else if (detail !== undefined) outages.redis.lost(detail, "away");
  };
  const { redisUrl: url, commandTimeoutMs } = settings;
  const commands = connectRedis({ url, use: "commands", commandTimeoutMs, onState });
  onStop("redis", () => commands.disconnect());
  const reader = connectRedis({ url, use: "outbox", commandTimeoutMs, onState });
  onStop("redis reader", () => reader.disconnect());
  const onReconnect = (act: () => void): void => {
    reconnected = act;
  };
  return { keys, store, commands, reader, outages, onReconnect };
}

/** What somebody has to look at, by place and id, never with its text. */
function report(log: Context["log"], { deadLetters, quarantined, raised }: SavedOutcome): void {
  for (const letter of deadLetters) log.error(letter, "Postgres refused a message; it is in dead_letters");
  if (quarantined > 0) log.error({ quarantined }, "messages without a position of their own; they are in quarantine");
  for (const { channel, position, prev } of raised) {
    log.warn({ channel, position, prev }, "an epoch begins after messages that its Redis had lost");
  }
}
