// Whether this Redis and this Postgres belong to one cluster, and to no other: two clusters on one Redis would hear each
// other's topics, two Redis over one Postgres would give its channels their numbers twice. Started by every process.
//
//   the cluster's id   made at the first start ever, in Postgres; an empty Redis takes it over from there
//   a Redis' life      stands beside the id in Redis, new whenever a Redis was found empty; persisters tell Postgres of the
//                      one that they drain, so that another one shows
//
// Must never refuse for a store that is away, nor a Redis that lost its data: only what is proved to be another's.
// States: waiting (a store is away, or an empty Redis may be another's), settled (they belong together), foreign (told
// once; the process ends), closed.
import { randomUUID } from "node:crypto";
import type { ClusterMark, ClusterMarks } from "./cluster-marks.ts";
import { createRivals } from "./rivals.ts";
import type { DrainedLife } from "./rivals.ts";

/** What Postgres keeps of it. Every method rejects while Postgres is away. */
export interface ClusterLedger {
  /** The cluster's id: what stands there, or `proposed` from now on. */
  cluster(proposed: string): Promise<string>;
  /** The Redis lives that a persister told of within the last ten seconds. */
  lives(): Promise<readonly DrainedLife[]>;
  /** This one is drained. */
  beat(life: string): Promise<void>;
  /** This one lost its data and goes on as another. */
  forget(life: string): Promise<void>;
}

export interface BelongingOptions {
  readonly marks: ClusterMarks;
  readonly ledger: ClusterLedger;
  /** The looking begins once the server is known to be fit. */
  readonly after: Promise<unknown>;
  /** A persister: it waits for this before it drains, and tells of the life that it drains. */
  readonly drains: boolean;
  /** They do not belong together, in one line: this process must not go on. */
  foreign(this: void, reason: string): void;
  /** Told once when an empty Redis has to wait, in one line. */
  waiting(this: void, reason: string): void;
  /** Looks fail, told once for each reason; the next one comes. ChatError `unavailable` when a store is away. */
  fault(this: void, error: unknown): void;
}

export interface Belonging {
  /** Resolves once they are known to belong together, or when closed; never when they do not. */
  readonly settled: Promise<void>;
  /**
   * Why nothing may be numbered in this Redis yet, in one line, or undefined. A Redis that bears a mark may be written to
   * while Postgres is away; an empty one only once it is known to be nobody else's.
   */
  trouble(this: void): string | undefined;
  /** The cluster's id, once both stores have told it. */
  cluster(this: void): string | undefined;
  close(this: void): void;
}

/** As often as a persister tells of the life it drains. */
const LOOK_EVERY_MS = 2_000;
const WAITING_LOOK_EVERY_MS = 500;
/** A process that drains nothing serves as soon as Redis bears a mark; after so many looks only persisters go on asking who else drains. */
const TRIAL_LOOKS = 6;

const FOREIGN = {
  redis: (own: string, other: string) =>
    `this Redis belongs to another cluster (${other}) than this Postgres (${own}): give each cluster a Redis of its own, ` +
    `or, if this Postgres replaces one that was lost, remove the key "cluster" from Redis`,
  postgres: (own: string) =>
    `another Redis is being drained into this Postgres (cluster ${own}): one cluster has one Redis and one Postgres`,
};

const HELD = "another Redis was drained into this Postgres a moment ago; whether it still is shows within ten seconds";

export function startBelonging(options: BelongingOptions): Belonging {
  const { marks, ledger, drains } = options;
  const rivals = createRivals();
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => (settle = resolve));
  let state: "waiting" | "settled" | "foreign" | "closed" = "waiting";
  let looks = 0;
  let held = false;
  let isMarked = false;
  let failure: string | undefined;
  let cluster: string | undefined;
  let drained: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const mark = await marks.read();
    isMarked = mark !== undefined;
    cluster ??= await ledger.cluster(randomUUID());
    if (mark !== undefined && mark.cluster !== cluster) {
      refuse(FOREIGN.redis(cluster, mark.cluster));
      return;
    }
    const lives = drains || looks < TRIAL_LOOKS || mark === undefined ? await ledger.lives() : [];
    looks += 1;
    rivals.see(lives, mark?.life);
    if (rivals.isOlderAlive()) refuse(FOREIGN.postgres(cluster));
    else if (mark !== undefined) await belong(mark, lives);
    // Nobody drains another one, or this very Redis was drained until it lost its data.
    else if (lives.length === 0 || drained !== undefined) await claim(cluster);
    else hold();
  }

  function hold(): void {
    if (!held) options.waiting(HELD);
    held = true;
  }

  /** An empty Redis takes over the id; whoever came first gave it its life. */
  async function claim(id: string): Promise<void> {
    const mark = await marks.claim({ cluster: id, life: randomUUID() });
    if (mark.cluster === id) await belong(mark, []);
  }

  async function belong(mark: ClusterMark, lives: readonly DrainedLife[]): Promise<void> {
    const isAlone = lives.every(({ life }) => life === mark.life);
    if (drains && state === "waiting" && !isAlone) {
      hold();
      return;
    }
    if (state === "waiting") {
      state = "settled";
      settle();
    }
    if (!drains) return;
    if (drained !== undefined && drained !== mark.life) await ledger.forget(drained);
    drained = mark.life;
    await ledger.beat(mark.life);
  }

  function refuse(reason: string): void {
    if (state === "closed") return;
    state = "foreign";
    options.foreign(reason);
  }

  function tell(error: unknown): void {
    if (state !== "closed" && String(error) !== failure) options.fault(error);
    failure = String(error);
  }

  async function lookOn(): Promise<void> {
    if (state === "closed") return;
    await look().then(() => {
      failure = undefined;
    }, tell);
    const againMs = { waiting: WAITING_LOOK_EVERY_MS, settled: LOOK_EVERY_MS, foreign: undefined, closed: undefined };
    const afterMs = againMs[state];
    if (afterMs !== undefined) {
      timer = setTimeout(() => {
        lookOn().catch(tell);
      }, afterMs);
    }
  }

  options.after.then(lookOn, () => undefined).catch(tell);
  return {
    settled,
    cluster: () => (state === "settled" ? cluster : undefined),
    trouble: () => (state === "settled" || isMarked ? undefined : "whose Redis this is shows soon"),
    close() {
      state = "closed";
      clearTimeout(timer);
      settle();
    },
  };
}
