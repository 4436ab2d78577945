// The api process: builds every part once, in the order in which they need each other, and gives them back in reverse.
// It serves with Redis or Postgres away, saying so, and recovers by itself: nothing here waits for either.
import { fileURLToPath } from "node:url";
import { isReady } from "@rookery/broker";
import {
  connectStores,
  createNodeAuditTrail,
  createRefusalNotes,
  createTokenVerifier,
  hashAddress,
  joinCluster,
  openInternalPort,
  runNode,
  watchFitness,
  watchOwnStores,
} from "@rookery/node";
import type { NodeContext } from "@rookery/node";
import { pause } from "@rookery/runtime";
import { buildContext } from "./build-context.ts";
import { isBuilt } from "./page.ts";
import { createStoresLook } from "./readiness.ts";
import { createServer } from "./server.ts";

/** Where the build puts the page, in a checkout and in an image. */
const PAGE_FOLDER = new URL("../../../packages/web/dist/page/", import.meta.url);
/** Beyond the wait for a balancer: the last requests in flight. */
const CLOSE_SLACK_MS = 5000;

await runNode("api", main);

async function main(context: NodeContext<"api">): Promise<void> {
  const { settings, onStop } = context;
  const folder = fileURLToPath(PAGE_FOLDER);
  if (settings.page && !isBuilt(folder)) {
    context.refuse(`ROOKERY_PAGE is on, but the page was not built into ${folder}: run \`npm run build\``);
    return;
  }
  const stores = connectStores(context);
  const { store, commands, reads, keys } = stores;
  const verifier = createTokenVerifier(context);
  let draining = false;

  const waitingLine = "this api says unavailable until Redis answers";
  const fitness = watchFitness({ context, connection: commands, keys, waitingLine });
  const belonging = watchOwnStores({ context, commands, keys, store, after: fitness.isFit, drains: false });
  const redisTrouble = (): string | undefined =>
    fitness.trouble() ?? belonging.trouble() ?? (isReady(reads) ? undefined : "Redis does not answer");
  const postgresTrouble = (): Promise<string | undefined> => store.trouble();
  const internalPort = await openInternalPort(context, "api", {
    stores: createStoresLook({ redisTrouble, postgresTrouble, isPostgresThere: () => store.state() === "ready" }),
    redis: redisTrouble,
    postgres: postgresTrouble,
    "token keys": () => verifier.trouble(),
    draining: () => (draining ? "this node drains" : undefined),
  });
  joinCluster({ context, commands, keys, self: { kind: "api" }, load: () => ({ connections: 0, draining }) });

  const notes = createRefusalNotes({
    ...{ trail: createNodeAuditTrail(context, stores, belonging.trouble), node: context.node.current },
    hashAddress: (address) => hashAddress(belonging.cluster(), address),
  });
  onStop("notes", notes.close);
  const { refused } = notes;
  const api = buildContext(context, stores, verifier, belonging.trouble);
  const { publicWsUrls, pageSignInUrl: signInUrl } = settings;
  const chatPage = settings.page ? { folder, publicWsUrls, signInUrl, guest: api.tokens?.guests === true } : undefined;
  const server = await createServer(api, { ...settings, refused, chatPage });
  await server.listen({ host: settings.host, port: settings.port });
  const close = async (): Promise<void> => {
    draining = true;
    await pause(settings.balancerWaitMs);
    await server.close();
  };
  onStop("server", close, settings.balancerWaitMs + CLOSE_SLACK_MS);
  const address = server.server.address();
  const port = typeof address === "object" && address !== null ? address.port : settings.port;
  context.announceReady({ port, internalPort });
}
