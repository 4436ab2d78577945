// The one hop that asks whether somebody may do a thing in a channel. Commands of the edge and routes of the api call it with
// the right they need and get a grant or a refusal; the version that travels with a grant fences an act against a change of
// rights. What is remembered is kept current by the changes that are announced; what is hidden from whoever asks is read each
// time, whatever is remembered.
import { ChatError, COUNT_ABOVE_MEMBERS, DIGEST_ABOVE_MEMBERS, DIRECT_PREFIX } from "@rookery/protocol";
import type { ChannelChange, Right } from "@rookery/protocol";
import { createAccessMemory } from "./access-memory.ts";
import type { ChannelStore } from "./channel-store.ts";
import { createFindAccess } from "./find-access.ts";
import { grantOf } from "./grant.ts";
import type { Grant } from "./grant.ts";
import { allowed, hidden, isHidden } from "./judge.ts";
import type { AccessStore, Standings } from "./known-access.ts";
import { createRulesCache } from "./rules-cache.ts";
import type { ChannelRules } from "./rules-cache.ts";

export interface Seeker {
  readonly user: string;
  readonly right: Right;
}

export interface Asked extends Seeker {
  readonly channel: string;
}

/**
 * Refuses with ChatError, with the channel: `not_found` (absent or hidden), `banned`, `muted`, `forbidden`,
 * `password_required`, or `unavailable` and `overloaded` where it cannot be read. While Postgres is away what is known stands.
 */
export interface Rights {
  /** The grant that is remembered, in the same turn; where there is none, a promise of one that is read. */
  cached(asked: Asked): Grant | Promise<Grant>;
  /** Read now. */
  fresh(asked: Asked): Promise<Grant>;
  /** As `cached` of several channels, in order, each by itself; those that have to be read are read together. */
  cachedAll(seeker: Seeker, channels: readonly string[]): Promise<readonly (Grant | Error)[]>;
  /**
   * Takes over a change that was announced. `forgotten`: one before it never came, so what is remembered of the channel is
   * read again when it is asked for. `known`: it came before.
   */
  apply(this: void, change: ChannelChange): "applied" | "known" | "forgotten";
  /**
   * What is in force for a user as far as memory tells, in the same turn: what they may do, or the refusal of everything
   * (`banned`, `not_found`, `password_required`). Undefined where that has to be read.
   */
  remembered(this: void, channel: string, user: string): Grant | ChatError | undefined;
  /** Changes in this partition may have been missed: what is remembered of its channels is read again when it is asked for. */
  doubt(this: void, partition: number): void;
  /**
   * From how many members present on the channel is told in another way. From memory: the defaults for a channel that is not
   * remembered; within the hour it is what Postgres has.
   */
  rules(this: void, channel: string): ChannelRules;
}

export interface RightsOptions {
  readonly channels: ChannelStore;
  readonly access: AccessStore;
  readonly standings: Standings;
  /** Where its rights change. */
  readonly partitionOf: (channel: string) => number;
  /** Whether a channel comes into being with its first user. */
  readonly autoCreate: boolean;
  /** How many channels are remembered; the others are asked for again. 0 for who does not hear of changes. */
  readonly maxChannels?: number;
  /** Whether somebody here is in the channel, which is then never forgotten for room. */
  readonly isPinned?: (channel: string) => boolean;
  /** Where a channel has no rules of its own. */
  readonly defaultRules?: Omit<ChannelRules, "version">;
  /** Between two questions to Postgres. */
  readonly statementEveryMs?: number;
  /** Told whenever somebody's right is asked for: whether memory knew it. */
  readonly lookedUp?: (isKnown: boolean) => void;
  /** Redis' clock, by which bans and mutes end. */
  readonly redisNowMs?: () => number;
  /** For what is read again after a while. */
  readonly nowMs?: () => number;
}

const MAX_CHANNELS = 50_000;
/** At most fifty statements a second, whatever comes; each for as many users as a crowd that comes back brings at once. */
const STATEMENT_EVERY_MS = 20;
const DEFAULT_RULES = { digestAbove: DIGEST_ABOVE_MEMBERS, countAbove: COUNT_ABOVE_MEMBERS };
/** Leave something behind, so they make a channel where channels make themselves; any other finds it empty. */
const MAKING: ReadonlySet<Right> = new Set(["join", "write"]);

export function createRights({
  channels: store,
  access,
  standings,
  partitionOf,
  autoCreate,
  maxChannels = MAX_CHANNELS,
  isPinned = () => false,
  defaultRules: defaults = DEFAULT_RULES,
  statementEveryMs = STATEMENT_EVERY_MS,
  lookedUp = () => undefined,
  redisNowMs = Date.now,
  nowMs = () => performance.now(),
}: RightsOptions): Rights {
  const memory = createAccessMemory({ partitionOf, maxChannels, isPinned, nowMs: redisNowMs });
  const find = createFindAccess({ memory, access, standings, statementEveryMs, nowMs: redisNowMs });
  const rules = createRulesCache({ store, defaults, maxChannels, nowMs });

  /** Undefined of a channel that was never made. */
  async function read(channel: string, user: string): Promise<Grant | ChatError | undefined> {
    const found = await find(channel, user);
    if (found?.byPostgres !== true || isHidden(found.standing)) return found?.standing;
    // Whoever comes first to a channel brings its rules along; Redis has them beside the rights that it remembers.
    await rules.learned(channel);
    // What was heard of meanwhile is newer than what was found.
    return memory.standing(channel, user) ?? found.standing;
  }

  /** Reads all of these, and makes those that are to be made. */
  async function readAll({ user, right }: Seeker, channels: readonly string[]): Promise<(Grant | Error)[]> {
    const found = await Promise.all(channels.map((channel) => read(channel, user).catch(asError)));
    const makes = autoCreate && MAKING.has(right);
    const missing = channels.filter((channel, n) => found[n] === undefined && !channel.startsWith(DIRECT_PREFIX));
    const made = makes && missing.length > 0 ? await make(missing, user).catch(asError) : missing;
    return Promise.all(
      channels.map(async (channel, n) => {
        const known = found[n];
        if (known instanceof Error && !(known instanceof ChatError)) return known;
        if (known !== undefined) return allowed(known, channel, right);
        if (!autoCreate || channel.startsWith(DIRECT_PREFIX)) return hidden(channel);
        // Nobody has made it yet and anybody may, so it reads as a channel without messages; that is not remembered.
        if (!makes) return allowed(grantOf("member", 0), channel, right);
        if (made instanceof Error) return made;
        const standing = await read(channel, user).catch(asError);
        if (standing === undefined) return hidden(channel);
        return standing instanceof Error && !(standing instanceof ChatError)
          ? standing
          : allowed(standing, channel, right);
      }),
    );
  }

  async function make(channels: readonly string[], owner: string): Promise<readonly string[]> {
    for (const [channel, settings] of await store.ensurePublic(channels, owner)) rules.learn(channel, settings);
    return channels;
  }

  async function readOne(asked: Asked): Promise<Grant> {
    const [answer = hidden(asked.channel)] = await readAll(asked, [asked.channel]);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  return {
    cached(asked) {
      const standing = memory.standing(asked.channel, asked.user);
      const isKnown = standing !== undefined && !isHidden(standing);
      lookedUp(isKnown);
      if (!isKnown) return readOne(asked);
      const answer = allowed(standing, asked.channel, asked.right);
      return answer instanceof ChatError ? Promise.reject(answer) : answer;
    },
    fresh: readOne,
    async cachedAll(seeker, channels) {
      const known = channels.map((channel) => {
        const standing = memory.standing(channel, seeker.user);
        return standing === undefined || isHidden(standing) ? undefined : allowed(standing, channel, seeker.right);
      });
      for (const each of known) lookedUp(each !== undefined);
      const unknown = channels.filter((_, n) => known[n] === undefined);
      const answers = unknown.length === 0 ? [] : await readAll(seeker, unknown);
      const answerOf = new Map(unknown.map((channel, n) => [channel, answers[n]]));
      return channels.map((channel, n) => known[n] ?? answerOf.get(channel) ?? hidden(channel));
    },
    apply: memory.apply,
    remembered: memory.standing,
    doubt: memory.doubt,
    rules: rules.of,
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("a store failed without a reason", { cause: error });
}
