// Patience with a server that somebody else runs: asked again and again until it answers, with every reason told once, as
// soon as it is known. Called by run-dev.ts and cluster.ts before services are started, which would wait in silence.
// States: asking, waiting (a reason is known), over (answered, refused for good, given up).
import { pause } from "@rookery/runtime";
import { messageOf } from "../io.ts";

/** It does not serve now and may do so later: not started yet, no way to it, not let in, no database yet. */
export class NotYet extends Error {}

export interface Waiting<Answer> {
  /** What is waited for, in words: `redis at redis://10.0.0.7:6379`. */
  readonly what: string;
  /** Throws `NotYet` where it makes sense to ask again. */
  readonly ask: () => Promise<Answer>;
  readonly say: (line: string) => void;
  /** Ends the waiting with an error. */
  readonly until: AbortSignal;
  readonly withinMs?: number;
}

/** As long as a child of ours may take. */
export const STARTS_WITHIN_MS = 60_000;
/** Whoever looks at a silent terminal for longer than this thinks that it hangs. */
const SILENT_MS = 2000;
const AGAIN_MS = 500;

/** The answer, once there is one. Rejects with the last reason when the time is up; an answer under way is waited for. */
export async function waitFor<Answer>(waiting: Waiting<Answer>): Promise<Answer> {
  const { what, say, until, withinMs = STARTS_WITHIN_MS } = waiting;
  const deadlineMs = performance.now() + withinMs;
  const told = new Set<string>();
  const tell = (reason: string): void => {
    if (!told.has(reason)) say(`waiting up to ${withinMs / 1000} s for ${what}: ${reason}`);
    told.add(reason);
  };
  for (;;) {
    if (until.aborted) throw new Error("stopped while starting");
    const silence = setTimeout(() => tell("no answer yet"), SILENT_MS);
    try {
      return await waiting.ask();
    } catch (error) {
      if (!(error instanceof NotYet)) throw new Error(`${what}: ${messageOf(error)}`, { cause: error });
      const reason = messageOf(error);
      const isUp = performance.now() > deadlineMs;
      if (isUp) throw new Error(`${what}, after ${withinMs / 1000} s: ${reason}`, { cause: error });
      if (!until.aborted) tell(reason);
    } finally {
      clearTimeout(silence);
    }
    await pause(AGAIN_MS, { signal: until });
  }
}
