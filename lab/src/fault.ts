// What a fault is: a row of the lab's table. The rows are in faults/.
import type { Violation } from "@rookery/testkit";
import type { Crowd } from "./crowd.ts";
import type { Random } from "./random.ts";
import type { Seen } from "./seen.ts";
import type { Topology } from "./redis-side.ts";
import type { World } from "./world.ts";

export const ANYWHERE: readonly Topology[] = ["single", "sentinel", "cluster"];

export interface Scene {
  readonly world: World;
  readonly crowd: Crowd;
  readonly random: Random;
  /** Names what this run brings along: users and channels of a fault's own begin with it. */
  readonly name: string;
  /** Something that shows that the fault bit, counted. */
  readonly note: (what: string, times?: number) => void;
  readonly noted: (what: string) => number;
  /** How long to wait for what is promised within so long: that when the fault is alone, longer beside others. */
  readonly patienceMs: (promisedMs: number) => number;
}

/** One thing that must have happened for the fault to have been felt. */
export interface Bite {
  readonly what: string;
  readonly count: (seen: Seen) => number;
  /** 1 unless given. */
  readonly least?: number;
}

export interface Fault {
  readonly name: string;
  /** The promises it attacks. */
  readonly attacks: string;
  readonly does: string;
  readonly topologies: readonly Topology[];
  /** What it breaks, and what it needs unbroken: faults that touch the same things are not mixed at one time. */
  readonly touches: readonly ("redis" | "postgres" | "edges" | "persisters" | "clients" | "rights")[];
  /** Rounds in a run, at least. */
  readonly rounds: number;
  /** Injected so often in a run, at least; `rounds` unless given. */
  readonly least?: number;
  /** One round; resolves once its cause is over, to how often it injected. */
  readonly inject: (scene: Scene) => Promise<number>;
  /** What only this fault can say was broken, at the end of the run. */
  readonly also?: (scene: Scene) => readonly Violation[];
  /** All of these must have happened. */
  readonly bites: readonly Bite[];
  /** `kept`: no connection of anybody may end. */
  readonly connections?: "kept";
  /** Comings and goings are promised under it, and judged; so is `also`, but for a mix in which they are not. */
  readonly signals?: "whole";
  /** From the end of a cause until everybody was answered `ok` again; 10 s unless given. */
  readonly recoversWithinMs?: number;
}
