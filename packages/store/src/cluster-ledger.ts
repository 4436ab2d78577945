// What Postgres knows of the cluster it belongs to: its id, and which Redis is drained into it now. Read by every process
// at its start; persisters write. What follows from it is judged in the broker's belonging.ts.
import { claimSetting } from "./cluster-settings.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** A Redis that persisters drain into this Postgres. */
export interface DrainedLife {
  readonly life: string;
  /** Grows with every word of a persister. */
  readonly beats: number;
  /** Since when there was no pause, ms by the clock of Postgres. */
  readonly since: number;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface ClusterLedger {
  /** The cluster's id: what stands there, or `proposed` from now on. */
  cluster(proposed: string): Promise<string>;
  /** Those told of within the last ten seconds. */
  lives(): Promise<readonly DrainedLife[]>;
  beat(life: string): Promise<void>;
  forget(life: string): Promise<void>;
}

/** Persisters tell every two seconds: four may be lost. */
const WORD_COUNTS_MS = 10_000;

const SUBJECT = "settings of the cluster";

const LIVES = loadStatement("redis-lives-list");
const BEAT = loadStatement("redis-life-beat");
const FORGET = loadStatement("redis-life-forget");

export function createClusterLedger(store: Store): ClusterLedger {
  return {
    cluster: (proposed) => claimSetting(store, "cluster", proposed),
    lives: () => store.read<DrainedLife>(SUBJECT, LIVES, [WORD_COUNTS_MS]),
    beat: async (life) => void (await store.write(SUBJECT, BEAT, [life, WORD_COUNTS_MS])),
    forget: async (life) => void (await store.write(SUBJECT, FORGET, [life])),
  };
}
