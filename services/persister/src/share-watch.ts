// Looks each second who lives, and tells which partitions are this persister's: they are shared out with the others that
// understand the same kinds of entries; a newer one takes them all, and what held one here is its to pass. Started by main.
// Two that hold the same partition for a moment do no harm: Postgres decides. One that nobody holds waits until the next
// look, so a dead persister's partitions are taken over within its lease and a second. Whoever is not heard of itself still
// takes its share.
// States: looking, stopped.
import type { Registry } from "@rookery/broker";
import { shareOf, sharersAmong } from "./share.ts";

export interface ShareWatchOptions {
  readonly registry: Pick<Registry, "list">;
  /** The id under which this persister beats now. */
  node(this: void): string;
  /** The newest kind of outbox entry that this persister understands, by its ordinal. */
  readonly kinds: number;
  readonly partitions: number;
  /** Told whenever it was looked up: the partitions that are this persister's. */
  share(this: void, partitions: readonly number[]): void;
}

export interface ShareWatch {
  /** Resolves after the first look, or the first failure of one. */
  start(): Promise<void>;
  /** Resolves when no look is under way any more. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;

export function createShareWatch({ registry, node, kinds, partitions, share }: ShareWatchOptions): ShareWatch {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isStopped = false;
  /** By whom the partitions were shared out last: working it out again is a fifth of what an idle persister does. */
  let shared: { readonly among: string; readonly partitions: readonly number[] } | undefined;

  async function look(): Promise<void> {
    // Redis is away, and with it everything there is to share out.
    const nodes = await registry.list().catch(() => undefined);
    if (nodes === undefined || isStopped) return;
    const living = nodes.filter(({ kind, draining }) => kind === "persister" && !draining);
    const self = node();
    const sharers = sharersAmong({ node: self, kinds }, living);
    const among = [self, ...sharers].join(" ");
    if (shared?.among !== among)
      shared = { among, partitions: sharers.includes(self) ? shareOf(self, sharers, partitions) : [] };
    share(shared.partitions);
  }

  return {
    async start() {
      looking = look();
      await looking;
      timer = setInterval(() => {
        looking = looking.then(look);
      }, LOOK_EVERY_MS);
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await looking;
    },
  };
}
