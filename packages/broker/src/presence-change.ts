// What a line of presence carries: whose presence is to be told anew, and what came of telling it. Shapes only. A change says
// nothing of what is so: that is asked for when a run of changes is formed.
import type { Crowd } from "./crowd.ts";

/** One user in one channel, or one session. */
export type Subject =
  | { readonly kind: "attendance"; readonly channel: string; readonly user: string }
  | { readonly kind: "session"; readonly user: string; readonly session: string };

export interface Change {
  readonly subject: Subject;
  /** The session that is not told who joined, or "". */
  readonly exclude: string;
  /** Called once it is told, with the crowd where the change is an attendance that Redis took. */
  readonly waiters: readonly ((crowd: Crowd | undefined) => void)[];
}

/** Changes of one kind that go to Redis together. */
export interface PresenceRun {
  readonly changes: readonly Change[];
  /** Whether who comes and goes is announced. */
  readonly loud: boolean;
}

/** What became of a run. */
export type PresenceAnswer =
  /** One for each change, in their order. */
  | { readonly kind: "told"; readonly crowds: readonly (Crowd | undefined)[] }
  /** Nothing happened: it came too late. */
  | { readonly kind: "late" }
  /** Nothing happened, and whoever sent it sees to what comes next. */
  | { readonly kind: "fenced" | "moved" }
  /** Nothing happened: Redis cannot be asked now. */
  | { readonly kind: "refused" }
  /** What happened is not known. Until `actsUntilMs`, on the local clock, it may still happen. */
  | { readonly kind: "unknown"; readonly actsUntilMs: number };

/** Names a subject within its partition. No channel and no session holds a `|`. */
export function keyOf(subject: Subject): string {
  const { user } = subject;
  return subject.kind === "attendance" ? `${subject.channel}|${user}` : `${subject.session}|${user}`;
}
