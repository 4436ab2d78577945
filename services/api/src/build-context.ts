// Builds what the routes share from settings and connections: tokens, callers, rights, history, publisher. Called once by
// main. Nothing here waits for a server: each part says `unavailable` by itself while its server is away.
import { createMinter, createPasswords } from "@rookery/auth";
import type { Verifier } from "@rookery/auth";
import {
  createAccessStore,
  createNoticesOnce,
  createPresenceReader,
  createReceipts,
  createRegistry,
  createTickets,
  createStatistics,
  isReady,
  readActivity,
  readGlobalVersion,
  regulateCrowd,
} from "@rookery/broker";
import { createNodeAnnouncer, createNodePublisher, createPast } from "@rookery/node";
import type { NodeContext, Stores } from "@rookery/node";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { createGlobalTable, createRights } from "@rookery/rights";
import { VERSION } from "@rookery/runtime";
import {
  createAnnouncements,
  createApiKeys,
  createAuditLog,
  createChannelActs,
  createChannelMembers,
  createChannels,
  createGlobalRights,
  createHappenings,
  createRefreshTokens,
  createSanctions,
  createStandings,
  createUsers,
} from "@rookery/store";
import type { RefreshTokens, Sanctions } from "@rookery/store";
import { createBackendRights } from "./backend-rights.ts";
import { createIdentify } from "./callers.ts";
import type { ApiContext, TokenParts } from "./context.ts";
import { createEnforcement } from "./enforce.ts";
import { bannedEverywhere, createGlobalGuard } from "./global-guard.ts";
import { createKnownKeys } from "./known-keys.ts";
import { createApiMetrics } from "./metrics.ts";
import { startReannouncing } from "./reannounce.ts";
import { createRefresh } from "./refresh.ts";

/** Each takes 19 MiB and a tenth of a second or less of a core; whoever sets more passwords at once waits. */
const PASSWORDS = { concurrency: 2, waiting: 64 };

type Context = Pick<NodeContext<"api">, "settings" | "log" | "metrics" | "onStop">;

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
  const tellUnnoted = (err: unknown): void => log.warn({ err }, "when a key was used could not be noted");
  const channels = createChannels(store);
  const access = createAccessStore({ connection: commands, keys });
  const standings = createStandings(store);
  const enforced = enforcing(context, stores, strangerTrouble);
  const autoCreate = settings.channelsAutoCreate === "public";
  return {
    ...enforced,
    log,
    metrics,
    limits: frameLimits(settings),
    version: VERSION,
    tokens: tokenParts(context, createRefreshTokens(store), createSanctions(store)),
    tickets: createTickets({ connection: commands, keys }),
    identify: createIdentify({
      bootstrapKey: settings.apiKey,
      findKey: createKnownKeys({ keys: createApiKeys(store), onFault: tellUnnoted }),
      verifier,
      onChecked: (outcome) => (metrics.credentialChecks[outcome].n += 1),
    }),
    rights: createRights({
      channels,
      ...{ access, standings, autoCreate },
      partitionOf: stores.partitions.of,
      // An api hears of no changes, so it asks Redis for each request.
      maxChannels: 0,
    }),
    backendRights: createBackendRights({ access, standings, channels, autoCreate }),
    partitions: stores.partitions,
    channels,
    members: createChannelMembers(store),
    sanctions: createSanctions(store),
    passwords: createPasswords(PASSWORDS),
    notices: createNoticesOnce(commands, keys),
    serverTimeMs: async () => (await readGlobalVersion(commands, keys)).atMs,
    users: createUsers(store),
    audit: createAuditLog(stores.past),
    presence: createPresenceReader({ connection: commands, keys }),
    statistics: createStatistics({ connection: stores.reads, keys, leaseMs: settings.leaseMs }),
    activity: (channel) => readActivity({ connection: stores.reads, keys }, channel),
    happenings: createHappenings(stores.past),
    nodes: createRegistry({ connection: commands, keys, leaseMs: settings.leaseMs }),
    defaultRules: settings,
    regulate: (channel, rules) => regulateCrowd({ connection: commands, keys }, channel, rules),
    history: createPast(stores),
    publisher: createNodePublisher(context, stores, strangerTrouble),
  };
}

/** Acts on who may do what, their way to every node, and what of them holds against each request of a user. */
function enforcing(
  { log, settings, onStop }: Context,
  stores: Stores,
  trouble: () => string | undefined,
): Pick<ApiContext, "acts" | "globals" | "enforcement" | "guard"> {
  const { commands, keys, store } = stores;
  const announcer = createNodeAnnouncer(stores, trouble);
  const announcements = createAnnouncements(store);
  const globals = createGlobalRights(store);
  const registry = createRegistry({ connection: commands, keys, leaseMs: settings.leaseMs });
  const isHeard = (): boolean => isReady(commands) && trouble() === undefined;
  onStop("announcements", startReannouncing({ announcer, announcements, isHeard, log }).close);
  return {
    acts: createChannelActs(store),
    globals,
    enforcement: createEnforcement({
      announcer,
      announcements,
      receipts: createReceipts({ connection: commands, keys }),
      nodes: () => registry.list(),
      trouble,
      onUnheard: (err) => log.warn({ err }, "a change of rights stands, and is announced again"),
    }),
    guard: createGlobalGuard({
      table: createGlobalTable(),
      announced: () => readGlobalVersion(commands, keys),
      since: (version) => globals.since(version),
    }),
  };
}

function frameLimits({ bodyBytes, metaBytes, pageMessages, pageBytes }: Context["settings"]): FrameLimits {
  return { ...DEFAULT_LIMITS, bodyBytes, metaBytes, pageMessages, pageBytes };
}

/** Only with a secret of its own can this cluster sign; with public keys, tokens come from the operator's issuer. */
function tokenParts(
  { settings, log }: Context,
  tokens: RefreshTokens,
  sanctions: Pick<Sanctions, "findEverywhere">,
): TokenParts | undefined {
  const { jwtSecret: secret, jwtIssuer: issuer, jwtAudience: audience, guestTokens: guests } = settings;
  if (secret === undefined) return undefined;
  const onReuse = (family: string): void =>
    log.warn({ family }, "a used refresh token was shown again: its family is revoked");
  // Asked of Postgres, which has the refresh tokens too: no token waits for Redis.
  const allows = async (user: string): Promise<void> => {
    const ban = await sanctions.findEverywhere(user);
    if (ban !== undefined) throw bannedEverywhere(ban);
  };
  const refresh = createRefresh({ tokens, allows, onReuse });
  return { minter: createMinter({ secret, issuer, audience }), refresh, allows, guests };
}
