// Builds what the routes share from settings and connections: tokens, callers, rights, history, publisher. Called once by
// main. Nothing here waits for a server: each part says `unavailable` by itself while its server is away.
import { createMinter } from "@rookery/auth";
import type { Verifier } from "@rookery/auth";
import { rightsVersion } from "@rookery/broker";
import { createNodePublisher, createPast } from "@rookery/node";
import type { NodeContext, Stores } from "@rookery/node";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { VERSION } from "@rookery/runtime";
import { createApiKeys, createChannels, createRefreshTokens } from "@rookery/store";
import type { RefreshTokens } from "@rookery/store";
import { createIdentify } from "./callers.ts";
import type { ApiContext, TokenParts } from "./context.ts";
import { createApiMetrics } from "./metrics.ts";
import { createRefresh } from "./refresh.ts";

type Context = Pick<NodeContext<"api">, "settings" | "log" | "metrics">;

/** `strangerTrouble`: why nothing may be numbered in this Redis yet, or undefined. */
export function buildContext(
  context: Context,
  stores: Stores,
  verifier: Verifier,
  strangerTrouble: () => string | undefined,
): ApiContext {
  const { settings, log } = context;
  const { keys, store, commands } = stores;
  const metrics = createApiMetrics(context.metrics);
  const apiKeys = createApiKeys(store);
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
    rights: createRights({
      channels: createChannels(store),
      version: (channel) => rightsVersion(commands, keys, channel),
      partitionOf: stores.partitions.of,
      autoCreate: settings.channelsAutoCreate === "public",
    }),
    history: createPast(stores),
    publisher: createNodePublisher(context, stores, strangerTrouble),
  };
}

function frameLimits({ bodyBytes, metaBytes, pageMessages, pageBytes }: Context["settings"]): FrameLimits {
  return { ...DEFAULT_LIMITS, bodyBytes, metaBytes, pageMessages, pageBytes };
}

/** Only with a secret of its own can this cluster sign; with public keys, tokens come from the operator's issuer. */
function tokenParts({ settings, log }: Context, tokens: RefreshTokens): TokenParts | undefined {
  const { jwtSecret: secret, jwtIssuer: issuer, jwtAudience: audience, guestTokens: guests } = settings;
  if (secret === undefined) return undefined;
  const onReuse = (family: string): void =>
    log.warn({ family }, "a used refresh token was shown again: its family is revoked");
  return { minter: createMinter({ secret, issuer, audience }), refresh: createRefresh({ tokens, onReuse }), guests };
}
