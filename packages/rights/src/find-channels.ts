// Whether channels are there for whoever asks, by one rule for everybody: a right that leaves something behind makes a
// channel where channels make themselves, any other right finds it empty. Called where no grant is remembered.
import { DIRECT_PREFIX } from "@rookery/protocol";
import type { Right } from "@rookery/protocol";

/** Channels as Postgres has them; every method rejects with ChatError `unavailable` while it is away. */
export interface ChannelStore {
  /** Which of these exist. One statement. */
  existing(channels: readonly string[]): Promise<ReadonlySet<string>>;
  /** Creates those of these public channels that do not exist, with their first user as owner. Two statements. */
  ensurePublic(channels: readonly string[], owner: string): Promise<void>;
}

/** `empty`: nobody has made it yet and anybody may, so it reads as a channel without messages. */
export type Finding = "exists" | "empty" | "absent";

export interface Seeker {
  readonly user: string;
  readonly right: Right;
}

const MAKING: ReadonlySet<Right> = new Set(["join", "write"]);

/** Of each channel, in order; in at most two statements together. Direct channels are hidden from everybody. */
export async function findChannels(
  store: ChannelStore,
  autoCreate: boolean,
  { user, right }: Seeker,
  channels: readonly string[],
): Promise<readonly Finding[]> {
  const open = channels.filter((channel) => !channel.startsWith(DIRECT_PREFIX));
  const makes = autoCreate && MAKING.has(right);
  if (makes && open.length > 0) await store.ensurePublic(open, user);
  const existing = makes || open.length === 0 ? new Set(open) : await store.existing(open);
  const otherwise = autoCreate ? "empty" : "absent";
  return channels.map((channel) => {
    if (existing.has(channel)) return "exists";
    return channel.startsWith(DIRECT_PREFIX) ? "absent" : otherwise;
  });
}
