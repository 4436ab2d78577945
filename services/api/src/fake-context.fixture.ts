// A context without servers, for tests of what happens around and inside routes: a channel's messages in a list, refresh
// tokens in a map. Only tests use it; what Redis and Postgres really do is tested with them.
import { createMinter, createVerifier } from "@rookery/auth";
import type { CrowdRules, KnownSession, Publication, Published } from "@rookery/broker";
import type { StoredFrame } from "@rookery/protocol";
import { ChatError, comparePositions, DEFAULT_LIMITS, ORIGIN, renderFrame } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { createMetrics } from "@rookery/runtime";
import type { Metrics } from "@rookery/runtime";
import type { AuditLog, AuditPage, ChannelMemberRow, RefreshOwner, Standing, UserRow } from "@rookery/store";
import { createIdentify } from "./callers.ts";
import { fakeCluster } from "./fake-cluster.fixture.ts";
import type { FakeCluster } from "./fake-cluster.fixture.ts";
import type { ApiContext } from "./context.ts";
import { fakeActs } from "./fake-acts.fixture.ts";
import type { FakeActs } from "./fake-acts.fixture.ts";
import { fakeChannels } from "./fake-channels.fixture.ts";
import type { FakeChannels } from "./fake-channels.fixture.ts";
import { createApiMetrics } from "./metrics.ts";
import { createRefresh } from "./refresh.ts";
import type { RefreshOptions } from "./refresh.ts";

export const SECRET = "fixture-secret-0123456789-abcdefghijkl";
export const BOOTSTRAP_KEY = "rk_fixture0123456789abcdefghijklmnopqrstuvwxyzAB";
const ISSUED = { secret: SECRET, issuer: "rookery", audience: "rookery" } as const;

export const minter = createMinter(ISSUED);

export interface FakeContext extends ApiContext, FakeActs, Omit<FakeCluster, keyof ApiContext> {
  readonly publications: Publication[];
  readonly frames: StoredFrame[];
  readonly faults: unknown[];
  readonly channels: FakeChannels;
  readonly acts: FakeActs["acts"];
  readonly globals: FakeActs["globals"];
  readonly sanctions: FakeActs["sanctions"];
  readonly enforcement: FakeActs["enforcement"];
  /** Every user's request ends with this refusal. */
  guardWith(this: void, refusal: Error | undefined): void;
  /** By channel, ascending by user. */
  readonly memberRows: Map<string, ChannelMemberRow[]>;
  readonly userRows: Map<string, UserRow>;
  readonly sessions: Map<string, KnownSession[]>;
  /** What the log was asked, and what it answers next. */
  readonly auditAsked: unknown[][];
  readonly auditPages: AuditPage[];
  readonly regulations: readonly (readonly [string, CrowdRules])[];
  readonly prometheus: Metrics;
  /** Of each ticket what it stands for and how long it is kept, ms. */
  readonly sold: readonly (readonly [string, number])[];
  failNextRegulation(error: Error): void;
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
  const stored = fakeChannels(channels);
  let noRegulation: Error | undefined;
  let guardRefusal: Error | undefined;
  const regulations: [string, CrowdRules][] = [];
  const faults: unknown[] = [];
  const log = { error: (fault: unknown) => void faults.push(fault), warn: () => undefined };
  const guard = async (): Promise<void> => {
    if (guardRefusal !== undefined) throw guardRefusal;
  };
  const refresh = createRefresh({ tokens: fakeRefreshTokens(), allows: guard });
  const partitions = { of: () => 0, ofUser: () => 1 };
  const fence = fakeFence(stored, autoCreate);
  return {
    ...fakeMessages(),
    ...fakeActs(stored),
    ...fakeNotices(),
    guard,
    guardWith: (refusal) => (guardRefusal = refusal),
    backendRights: fence,
    partitions,
    passwords: { hash: async (password) => `argon2 of ${password}` },
    faults,
    prometheus,
    log,
    metrics: createApiMetrics(prometheus),
    limits: DEFAULT_LIMITS,
    version: "0.0.0",
    tokens: signs ? { minter, refresh, allows: guard, guests } : undefined,
    identify: createIdentify({
      bootstrapKey: BOOTSTRAP_KEY,
      findKey: (hash) => Promise.resolve(keys[hash] === undefined ? undefined : { name: "fake", scopes: keys[hash] }),
      verifier: createVerifier({ ...ISSUED, clockToleranceSec: 0 }),
    }),
    channels: stored,
    ...fakeTickets(),
    ...fakeAudit(),
    ...fakePeople(),
    defaultRules: { digestAbove: 100, countAbove: 1000 },
    regulations,
    failNextRegulation: (error) => (noRegulation = error),
    async regulate(channel, rules) {
      const failure = noRegulation;
      noRegulation = undefined;
      if (failure !== undefined) throw failure;
      regulations.push([channel, rules]);
      return { online: 0, mode: "full" };
    },
    rights: createRights({
      channels: stored,
      access: { read: async (wishes) => wishes.map(() => undefined), fill: async () => undefined },
      standings: { read: async (wishes) => standingsOf(await stored.existing(wishes.map(({ channel }) => channel))) },
      partitionOf: () => 0,
      autoCreate,
    }),
  };
}

/** Public ones, in which nobody has anything of their own. */
function standingsOf(channels: Iterable<readonly [string, unknown]>): Map<string, Standing> {
  const plain = { version: 0, kind: "public", owner: "", slowModeSec: 0, memberCap: null, deleted: false } as const;
  return new Map([...channels].map(([channel]) => [channel, { record: plain, isWhole: true, entries: new Map() }]));
}

function fakeAudit(): Pick<FakeContext, "audit" | "auditAsked" | "auditPages"> {
  const auditAsked: unknown[][] = [];
  const auditPages: AuditPage[] = [];
  const page: AuditLog["page"] = async (...asked) => {
    auditAsked.push(asked);
    return auditPages.shift() ?? { entries: [] };
  };
  return { auditAsked, auditPages, audit: { page } };
}

type FakePeople = "memberRows" | "userRows" | "sessions" | "members" | "users" | "presence" | keyof FakeCluster;

function fakePeople(): Pick<FakeContext, FakePeople> {
  const memberRows = new Map<string, ChannelMemberRow[]>();
  const userRows = new Map<string, UserRow>();
  const sessions = new Map<string, KnownSession[]>();
  return {
    ...{ memberRows, userRows, sessions },
    ...fakeCluster(sessions),
    members: {
      list: async (channel, after = "", limit) =>
        (memberRows.get(channel) ?? []).filter(({ user }) => user > after).slice(0, limit),
      find: async (channel, user) => (memberRows.get(channel) ?? []).find((row) => row.user === user),
      roles: async (channel, users) =>
        new Map(
          (memberRows.get(channel) ?? []).filter(({ user }) => users.includes(user)).map((r) => [r.user, r.role]),
        ),
    },
    users: { find: async (id) => userRows.get(id) },
    presence: {
      sessionsOf: async (user) => sessions.get(user) ?? [],
      async page(_channel, after = "", limit) {
        const all = ["ann", "bob", "eve"].map((user) => ({ user, name: user.toUpperCase(), connections: 1 }));
        const members = all.filter(({ user }) => user > after).slice(0, limit);
        return { crowd: { online: all.length, mode: "full" }, members };
      },
    },
  };
}

/** Every channel that is there, and where channels make themselves every other. */
function fakeFence(channels: FakeChannels, autoCreate: boolean): ApiContext["backendRights"] {
  const version = async (channel: string): Promise<number> => {
    if (channels.rows.has(channel) || (autoCreate && !channel.startsWith("dm:"))) return 0;
    throw new ChatError("not_found", "no such channel", { channel });
  };
  return {
    toRead: version,
    async toWrite(channel, owner) {
      await version(channel);
      await channels.ensurePublic([channel], owner);
      return 0;
    },
  };
}

function fakeTickets(): Pick<FakeContext, "tickets" | "sold"> {
  const sold: (readonly [string, number])[] = [];
  return { sold, tickets: { put: async (value, keptMs) => `ticket-${sold.push([value, keptMs])}` } };
}

/** By the rules that the broker keeps in Redis, without their time. */
function fakeNotices(): Pick<ApiContext, "notices" | "serverTimeMs"> {
  const outcomes = new Map<string, { readonly body: string; readonly id: string; readonly sessions: number }>();
  return {
    serverTimeMs: () => Promise.resolve(5000),
    notices: {
      async begin(user, key, { body }, id) {
        const held = outcomes.get(`${key} ${user}`);
        if (held === undefined) return { kind: "tell", id };
        if (held.body !== body) throw new ChatError("conflict", "this key was used before for another notice");
        return { kind: "done", id: held.id, sessions: held.sessions };
      },
      end: async (user, key, { body }, outcome) => void outcomes.set(`${key} ${user}`, { body, ...outcome }),
    },
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
      head: async () => head,
      mine: (_channel, page) => page,
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
export function fakeRefreshTokens(nowMs: () => number = Date.now): RefreshOptions["tokens"] {
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
    async owner(token) {
      const found = tokens.get(token);
      return found === undefined || revoked.has(found.family) ? undefined : found.owner.user;
    },
    async revokeFamily(token) {
      const family = tokens.get(token)?.family;
      const isGood = family !== undefined && !revoked.has(family);
      if (isGood) revoked.add(family);
      return isGood;
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
