// The api process: builds every part once, in the order in which they need each other, and gives them back in reverse.
// It serves with Redis or Postgres away, saying so, and recovers by itself: nothing here waits for either.
import { createClusterMarks, isReady, startBeats, startBelonging, watchBudget } from "@rookery/broker";
import { runNode } from "@rookery/node";
import type { NodeContext } from "@rookery/node";
import { ChatError } from "@rookery/protocol";
import { pause, startInternalServer, VERSION } from "@rookery/runtime";
import { createClusterLedger } from "@rookery/store";
import { buildContext, buildVerifier, connectStores } from "./build-context.ts";
import { storeChecks } from "./readiness.ts";
import { watchRedisFitness } from "./redis-fitness.ts";
import { createServer } from "./server.ts";

/** Beyond the wait for a balancer: the last requests in flight. */
const CLOSE_SLACK_MS = 5000;

await runNode("api", main);

async function main(context: NodeContext<"api">): Promise<void> {
  const { settings, log, node, onStop } = context;
  const stores = connectStores(context);
  const { store, commands, reads, keys } = stores;
  const verifier = buildVerifier(context);
  let draining = false;

  const fitness = watchRedisFitness({
    connection: commands,
    keys,
    log,
    unfit: context.refuse,
  });
  onStop("redis fitness", fitness.close);
  const belonging = startBelonging({
    marks: createClusterMarks(commands, keys),
    ledger: createClusterLedger(store),
    after: fitness.known,
    drains: false,
    foreign: context.refuse,
    waiting: (reason) => log.debug({ reason }, "whose Redis this is shows soon"),
    fault: (err) => log[err instanceof ChatError ? "debug" : "error"]({ err }, "whose stores these are is not known"),
  });
  onStop("belonging", belonging.close);
  const internal = await startInternalServer({
    host: settings.internalHost,
    port: settings.internalPort,
    metrics: context.metrics,
    log,
    drain: () => context.stop("drain"),
    checks: [
      ...storeChecks({
        redisTrouble: () =>
          fitness.trouble() ?? belonging.trouble() ?? (isReady(reads) ? undefined : "Redis does not answer"),
        postgresTrouble: () => store.trouble(),
        isPostgresThere: () => store.state() === "ready",
      }),
      { name: "token keys", advisory: true, check: () => verifier.trouble() },
      { name: "draining", check: async () => (draining ? "this node drains" : undefined) },
    ],
  });
  onStop("internal server", () => internal.close());
  const beats = startBeats({
    connection: commands,
    keys,
    leaseMs: settings.leaseMs,
    node: node.current,
    self: { kind: "api", version: VERSION },
    load: () => ({ connections: 0, draining }),
    failed: (err) => log.debug({ err }, "beat failed"),
  });
  onStop("registry", beats.leave);
  const budget = watchBudget({ connection: commands, keys, node: node.current, budgetBytes: settings.outboxMaxBytes });
  onStop("budget", () => budget.stop());

  const server = await createServer(buildContext(context, stores, verifier, belonging.trouble), settings);
  await server.listen({ host: settings.host, port: settings.port });
  const close = async (): Promise<void> => {
    draining = true;
    await pause(settings.balancerWaitMs);
    await server.close();
  };
  onStop("server", close, settings.balancerWaitMs + CLOSE_SLACK_MS);
  const address = server.server.address();
  const port = typeof address === "object" && address !== null ? address.port : settings.port;
  context.announceReady({ port, internalPort: internal.port });
}
