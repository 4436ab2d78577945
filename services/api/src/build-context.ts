// Builds what the routes share from settings and connections: tokens, callers, rights, history, publisher. Called once by
// main. Nothing here waits for a server: each part says `unavailable` by itself while its server is away.
import { createMinter, createVerifier } from "@rookery/auth";
import type { Verifier } from "@rookery/auth";
import {
  connectRedis,
  createEpochFloors,
  createHistory,
  createKeys,
  createPartitions,
  createPublisher,
  rightsVersion,
} from "@rookery/broker";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { VERSION } from "@rookery/runtime";
import type { NodeContext } from "@rookery/node";
import {
  connectStore,
  createApiKeys,
  createChannels,
  createMessages,
  createOutboxPositions,
  createRefreshTokens,
  shareConnections,
} from "@rookery/store";
import type { RefreshTokens } from "@rookery/store";
import { createAuthorise } from "./authorise.ts";
import { createIdentify } from "./callers.ts";
import type { ApiContext, TokenParts } from "./context.ts";
import { createApiMetrics } from "./metrics.ts";
import { createRefresh } from "./refresh.ts";

type Context = Pick<NodeContext<"api">, "settings" | "log" | "node" | "metrics" | "onStop">;

const REMEMBERED_CHANNELS = 50_000;

export type Stores = ReturnType<typeof connectStores>;

/** Connections that come up by themselves whenever their server does. */
export function connectStores({ settings, log, node, onStop }: Context) {
  const keys = createKeys(createPartitions(settings.partitions));
  let stopping = false;
  const say = (name: string) => (state: "ready" | "lost", detail?: string) => {
    // What this process closes itself is not lost.
    if (stopping) return;
    log[state === "ready" ? "info" : "warn"](detail === undefined ? {} : { detail }, `${name} ${state}`);
  };
  const { redisUrl: url, postgresUrl, commandTimeoutMs, statementTimeoutMs } = settings;
  const shares = shareConnections(settings.postgresConnections);
  const pool = { url: postgresUrl, application: `rookery-${node}`, statementTimeoutMs };
  const store = connectStore({ ...pool, max: shares.commands, onState: say("postgres") });
  // Of these two nothing is said: they are lost and ready with the others, and once is enough.
  const past = connectStore({ ...pool, max: shares.past });
  onStop("postgres", () => Promise.all([store.close(), past.close()]).then(() => undefined));
  const commands = connectRedis({ url, use: "commands", commandTimeoutMs, onState: say("redis") });
  const reads = connectRedis({ url, use: "reads", commandTimeoutMs });
  onStop("redis", () => {
    stopping = true;
    commands.disconnect();
    reads.disconnect();
  });
  return { keys, store, past, shares, commands, reads };
}

/** `strangerTrouble`: why nothing may be numbered in this Redis yet, or undefined. */
export function buildContext(
  context: Context,
  stores: Stores,
  verifier = buildVerifier(context),
  strangerTrouble: () => string | undefined = () => undefined,
): ApiContext {
  const { settings, log } = context;
  const { keys, store, past, shares, commands, reads } = stores;
  const metrics = createApiMetrics(context.metrics);
  const messages = createMessages(store);
  const channels = createChannels(store);
  const apiKeys = createApiKeys(store);
  const outboxPositions = createOutboxPositions(store);
  const floors = createEpochFloors();
  return {
    log,
    metrics,
    limits: frameLimits(settings),
    version: VERSION,
    tokens: tokenParts(context, createRefreshTokens(store)),
    identify: createIdentify({
      bootstrapKey: settings.apiKey,
      findKey: (hash) => apiKeys.find(hash),
      verifier,
      onChecked: (outcome) => (metrics.credentialChecks[outcome].n += 1),
    }),
    authorise: createAuthorise({
      channelExists: async (channel) => (await channels.existing([channel])).has(channel),
      createPublic: (channel, owner) => channels.ensurePublic([channel], owner),
      rightsVersion: (channel) => rightsVersion(commands, keys, channel),
      autoCreate: settings.channelsAutoCreate === "public",
      remembered: REMEMBERED_CHANNELS,
    }),
    history: createHistory({ connection: reads, keys, cold: createMessages(past), statements: shares.past }),
    publisher: createPublisher({
      connection: commands,
      keys,
      partitions: keys.partitions,
      floors,
      lastSaved: async (channel) => {
        // Nothing tells this process of epochs as pulses tell an edge: so they are read with every base from Postgres,
        // which must never be used under an epoch that was given out before.
        for (const [partition, { epoch }] of await outboxPositions.lastIds()) floors.see(partition, epoch);
        return messages.last(channel);
      },
      outboxMaxBytes: settings.outboxMaxBytes,
      trouble: strangerTrouble,
      deadlineMs: settings.commandTimeoutMs,
      failed: (channel, reason) => log.error({ channel, reason }, "Redis refused a part of a publication"),
    }),
  };
}

function frameLimits({ bodyBytes, metaBytes, pageMessages, pageBytes }: Context["settings"]): FrameLimits {
  return { ...DEFAULT_LIMITS, bodyBytes, metaBytes, pageMessages, pageBytes };
}

/** What a token must be signed with and must say; the settings have already made sure that one key is there. */
export function buildVerifier({ settings, log }: Context): Verifier {
  const { jwtIssuer, jwtAudience, clockToleranceSec, jwtAlgorithms } = settings;
  return createVerifier({
    issuer: jwtIssuer,
    audience: jwtAudience,
    clockToleranceSec,
    algorithms: jwtAlgorithms,
    secret: settings.jwtSecret,
    previousSecret: settings.jwtPreviousSecret,
    publicKeyPem: settings.jwtPublicKey,
    jwksUrl: settings.jwtJwksUrl,
    onKeyFault: (err) => log.warn({ err }, "the issuer's keys cannot be fetched"),
  });
}

/** Only with a secret of its own can this cluster sign; with public keys, tokens come from the operator's issuer. */
function tokenParts({ settings, log }: Context, tokens: RefreshTokens): TokenParts | undefined {
  const { jwtSecret: secret, jwtIssuer: issuer, jwtAudience: audience, guestTokens: guests } = settings;
  if (secret === undefined) return undefined;
  const onReuse = (family: string): void =>
    log.warn({ family }, "a used refresh token was shown again: its family is revoked");
  return { minter: createMinter({ secret, issuer, audience }), refresh: createRefresh({ tokens, onReuse }), guests };
}
