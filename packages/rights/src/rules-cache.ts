// From how many members present on a channel is told in another way, as it was last read. Learned on the way by whoever
// finds a channel, so that no join pays for it, and read again once an hour, behind whoever asks then. Owned by one `Rights`.
// States of a channel: unknown (the defaults stand in for it), known, old (it stands until it was read anew).
import type { ChannelSettings, ChannelStore } from "./channel-store.ts";

/** The two numbers as they are in force, and the version of the settings that they come from. */
export interface ChannelRules {
  readonly version: number;
  readonly digestAbove: number;
  readonly countAbove: number;
}

export interface RulesCache {
  learn(channel: string, settings: ChannelSettings): void;
  /** Resolves when they are known, or when they could not be read. */
  learned(channel: string): Promise<void>;
  /** From memory, always. */
  of(this: void, channel: string): ChannelRules;
}

export interface RulesCacheOptions {
  readonly store: Pick<ChannelStore, "existing">;
  readonly defaults: Omit<ChannelRules, "version">;
  /** The longest known makes room. */
  readonly maxChannels: number;
  readonly nowMs: () => number;
}

/**
 * Redis keeps newer rules for a day after a channel has emptied, and takes none that are older than those: as long as
 * nobody brings rules that were read longer ago than that, nobody can bring back what a change has replaced.
 */
const READ_AGAIN_MS = 3_600_000;
/** After Postgres was away: for so long what is known stands without asking. */
const ASK_AGAIN_MS = 10_000;
/** Channels of one statement. */
const MOST_AT_ONCE = 1000;

interface Known {
  readonly rules: ChannelRules;
  oldFromMs: number;
}

export function createRulesCache({ store, defaults, maxChannels, nowMs }: RulesCacheOptions): RulesCache {
  const known = new Map<string, Known>();
  const asked = new Set<string>();
  const unset: ChannelRules = { version: 0, ...defaults };
  let reading: Promise<void> | undefined;

  const keep = (channel: string, rules: ChannelRules, forMs: number): void => {
    known.delete(channel);
    if (known.size >= maxChannels) {
      for (const longestKnown of known.keys()) {
        known.delete(longestKnown);
        break;
      }
    }
    known.set(channel, { rules, oldFromMs: nowMs() + forMs });
  };

  const learn = (channel: string, { version, digestAbove, countAbove }: ChannelSettings): void => {
    // Most channels have no settings of their own, and share one object.
    const isUnset = version === 0 && digestAbove === null && countAbove === null;
    const own = { digestAbove: digestAbove ?? defaults.digestAbove, countAbove: countAbove ?? defaults.countAbove };
    keep(channel, isUnset ? unset : { version, ...own }, READ_AGAIN_MS);
  };

  const readSome = async (channels: readonly string[]): Promise<void> => {
    try {
      const found = await store.existing(channels);
      for (const channel of channels) {
        const settings = found.get(channel);
        // One that is gone, or that nobody has made: asked for again as seldom as any other.
        if (settings === undefined) keep(channel, unset, READ_AGAIN_MS);
        else learn(channel, settings);
      }
    } catch {
      // Away: nothing can have changed there, so what is known stands.
      for (const channel of channels) keep(channel, known.get(channel)?.rules ?? unset, ASK_AGAIN_MS);
    }
  };

  /** One statement at a time; those who are asked for meanwhile go together with the next. */
  const readAsked = async (): Promise<void> => {
    while (asked.size > 0) {
      const some = [...asked].slice(0, MOST_AT_ONCE);
      for (const channel of some) asked.delete(channel);
      await readSome(some);
    }
    // In the turn in which nobody was found asking: whoever comes next begins anew.
    reading = undefined;
  };

  /** Ends when all that is asked for now was read, or could not be. */
  const startReading = (): Promise<void> => {
    reading ??= readAsked();
    return reading;
  };

  return {
    learn,
    async learned(channel) {
      if (known.has(channel)) return;
      asked.add(channel);
      await startReading();
    },
    of(channel) {
      const entry = known.get(channel);
      if (entry === undefined || entry.oldFromMs <= nowMs()) {
        asked.add(channel);
        startReading().catch(() => undefined);
      }
      return entry?.rules ?? unset;
    },
  };
}
