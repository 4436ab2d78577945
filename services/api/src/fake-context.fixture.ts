// A context without servers, for tests of what happens around and inside routes: a channel's messages in a list, refresh
// tokens in a map. Only tests use it; what Redis and Postgres really do is tested with them.
import { createMinter, createVerifier } from "@rookery/auth";
import type { Publication, Published } from "@rookery/broker";
import type { StoredFrame } from "@rookery/protocol";
import { ChatError, comparePositions, DEFAULT_LIMITS, ORIGIN, renderFrame } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { createMetrics } from "@rookery/runtime";
import type { Metrics } from "@rookery/runtime";
import type { RefreshOwner, RefreshTokens } from "@rookery/store";
import { createIdentify } from "./callers.ts";
import type { ApiContext } from "./context.ts";
import { createApiMetrics } from "./metrics.ts";
import { createRefresh } from "./refresh.ts";

export const SECRET = "fixture-secret-0123456789-abcdefghijkl";
export const BOOTSTRAP_KEY = "rk_fixture0123456789abcdefghijklmnopqrstuvwxyzAB";
const ISSUED = { secret: SECRET, issuer: "rookery", audience: "rookery" } as const;

export const minter = createMinter(ISSUED);

export interface FakeContext extends ApiContext {
  readonly publications: Publication[];
  readonly frames: StoredFrame[];
  readonly faults: unknown[];
  readonly prometheus: Metrics;
  /** The next publication ends with this error. */
  failNext(error: unknown): void;
}

export interface FakeOptions {
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  readonly autoCreate?: boolean;
  readonly channels?: readonly string[];
  readonly guests?: boolean;
  readonly signs?: boolean;
}

export function fakeContext(options: FakeOptions = {}): FakeContext {
  const { keys = {}, autoCreate = true, channels = [], guests = true, signs = true } = options;
  const prometheus = createMetrics({ service: "api", node: () => "api.test", version: "0" });
  const known = new Set(channels);
  const faults: unknown[] = [];
  const log = { error: (fault: unknown) => void faults.push(fault), warn: () => undefined };
  const refresh = createRefresh({ tokens: fakeRefreshTokens() });
  return {
    ...fakeMessages(),
    faults,
    prometheus,
    log,
    metrics: createApiMetrics(prometheus),
    limits: DEFAULT_LIMITS,
    version: "0.0.0",
    tokens: signs ? { minter, refresh, guests } : undefined,
    identify: createIdentify({
      bootstrapKey: BOOTSTRAP_KEY,
      findKey: (hash) => Promise.resolve(keys[hash] === undefined ? undefined : { scopes: keys[hash] }),
      verifier: createVerifier({ ...ISSUED, clockToleranceSec: 0 }),
    }),
    rights: createRights({
      channels: {
        existing: async (ids) => new Set(ids.filter((id) => known.has(id))),
        ensurePublic: async (ids) => ids.forEach((id) => known.add(id)),
      },
      version: () => Promise.resolve(0),
      partitionOf: () => 0,
      autoCreate,
    }),
  };
}

function fakeMessages(): Pick<FakeContext, "publications" | "frames" | "failNext" | "history" | "publisher"> {
  const publications: Publication[] = [];
  const frames: StoredFrame[] = [];
  const once = new Map<string, { readonly hash: string; readonly published: Published }>();
  let failure: unknown;
  const publish = (publication: Publication): Published => {
    publications.push(publication);
    if (failure !== undefined) {
      const thrown = failure;
      failure = undefined;
      throw thrown;
    }
    const { id, user, channel, clientId, contentHash } = publication;
    const key = [user, channel, clientId].join(" ");
    const first = once.get(key);
    if (first !== undefined && first.hash !== contentHash) throw new ChatError("conflict", "used for another message");
    if (first !== undefined) return { ...first.published, duplicate: true };
    const position = { epoch: 1, seq: frames.length + 1 };
    const entry = { epoch: 1, number: position.seq };
    const published: Published = { kind: "published", id, position, at: 1000, duplicate: false, entry };
    frames.push({ position, frame: renderFrame(publication.halves, { ...position, at: 1000 }) });
    once.set(key, { hash: contentHash, published });
    return published;
  };
  const head = { position: ORIGIN, saved: ORIGIN };
  return {
    publications,
    frames,
    failNext: (error) => (failure = error),
    publisher: { publish: async (publication) => publish(publication) },
    history: {
      forward: (_channel, after, limit) => {
        const rest = frames.filter(({ position }) => comparePositions(position, after) > 0);
        const recovered = after.epoch <= 1;
        return Promise.resolve({ frames: rest.slice(0, limit), more: rest.length > limit, recovered, head });
      },
      backward: (_channel, before, limit) => {
        const older = frames.filter(({ position }) => before === undefined || comparePositions(position, before) < 0);
        return Promise.resolve({ frames: older.slice(-limit), more: older.length > limit, head });
      },
    },
  };
}

interface FakeRefreshToken {
  readonly family: string;
  readonly owner: RefreshOwner;
  successor?: { readonly token: string; readonly atMs: number };
}

/** The rule that the store keeps in Postgres. */
export function fakeRefreshTokens(nowMs: () => number = Date.now): Pick<RefreshTokens, "issue" | "rotate"> {
  const tokens = new Map<string, FakeRefreshToken>();
  const revoked = new Set<string>();
  const add = (family: string, owner: RefreshOwner): string => {
    const token = `rt_${String(tokens.size).padStart(43, "0")}`;
    tokens.set(token, { family, owner });
    return token;
  };
  return {
    async issue(owner) {
      const family = String(tokens.size);
      return { token: add(family, owner), family };
    },
    async rotate(token) {
      const found = tokens.get(token);
      if (found === undefined || revoked.has(found.family)) return { outcome: "unknown" };
      const { family, owner, successor } = found;
      if (successor === undefined) {
        const next = add(family, owner);
        found.successor = { token: next, atMs: nowMs() };
        return { ...owner, outcome: "rotated", token: next, family };
      }
      if (nowMs() - successor.atMs <= 10_000) return { ...owner, outcome: "repeated", token: successor.token, family };
      revoked.add(family);
      return { outcome: "reused", user: owner.user, family };
    },
  };
}
