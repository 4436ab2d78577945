// Tells the cluster that this persister lives, and shares the partitions out with the others that do and understand the
// same kinds of entries: a newer one takes them all, and what held one here is its to pass. Started by main.
// Two that hold the same partition for a moment do no harm: Postgres decides. One that nobody holds waits until the next
// look, so a dead persister's partitions are taken over within its lease and a second. A beat that fails stops no look:
// who is not heard still takes its share.
// States: joined (beats and looks in turn), left.
import type { NodeRecord, Registry } from "@rookery/broker";
import { shareOf, sharersAmong } from "./share.ts";

export interface MembershipOptions {
  readonly registry: Registry;
  readonly node: string;
  readonly version: string;
  /** The newest kind of outbox entry that this persister understands, by its ordinal. */
  readonly kinds: number;
  readonly partitions: number;
  /** Told whenever it was looked up: the partitions that are this persister's. */
  share(this: void, partitions: readonly number[]): void;
}

export interface Membership {
  /** Resolves after the first look, or the first failure of one. */
  join(): Promise<void>;
  /** Gives the partitions to the others at once. */
  leave(): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;
/** A beat at every second look: the registry's lease lasts for three. */
const LOOKS_A_BEAT = 2;

export function createMembership(options: MembershipOptions): Membership {
  const { registry, node, version, kinds, partitions } = options;
  const startedAt = Date.now();
  let looksToBeat = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let left = false;

  async function look(): Promise<void> {
    await Promise.all([beat(), share()]);
  }

  /** One that failed is made up for at the next look. */
  async function beat(): Promise<void> {
    looksToBeat = (looksToBeat + 1) % LOOKS_A_BEAT;
    if (looksToBeat !== 1) return;
    await registry.beat(record()).catch(() => {
      looksToBeat = 0;
    });
  }

  async function share(): Promise<void> {
    // Redis is away, and with it everything there is to share out.
    const nodes = await registry.list().catch(() => undefined);
    if (nodes === undefined || left) return;
    const living = nodes.filter(({ kind, draining }) => kind === "persister" && !draining);
    const sharers = sharersAmong({ node, kinds }, living);
    options.share(sharers.includes(node) ? shareOf(node, sharers, partitions) : []);
  }

  function record(): NodeRecord {
    const fixed = { node, kind: "persister", pid: process.pid, version, startedAt } as const;
    return { ...fixed, connections: 0, draining: false, kinds, beatAt: Date.now() };
  }

  return {
    async join() {
      looking = look();
      await looking;
      timer = setInterval(() => {
        looking = looking.then(look);
      }, LOOK_EVERY_MS);
    },
    async leave() {
      left = true;
      clearInterval(timer);
      await looking;
      await registry.leave(node).catch(() => undefined);
    },
  };
}
