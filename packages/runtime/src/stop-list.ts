// What a process gives back at its end: named functions that run in reverse order of registration, each bounded in time.
// Owned by the lifecycle. It never throws: a function that fails or overruns is named in the log and the next one runs.
// States: collecting, running (what is registered now runs too), done.
import type { Log } from "./log.ts";

export type StopFunction = () => Promise<void> | void;

export interface StopList {
  add(this: void, name: string, stop: StopFunction, withinMs?: number): void;
  /** Runs everything once; answers the names of those that failed or overran. */
  run(this: void): Promise<readonly string[]>;
}

interface Step {
  readonly name: string;
  readonly stop: StopFunction;
  readonly withinMs: number;
}

/** Long enough to close a listener or a connection pool; what needs more, such as a drain, says so. */
export const STOP_WITHIN_MS = 5000;

export function createStopList(log: Pick<Log, "debug" | "error">): StopList {
  const steps: Step[] = [];

  async function run(): Promise<readonly string[]> {
    const failed: string[] = [];
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const fault = await runStep(step);
      if (fault === undefined) {
        log.debug({ step: step.name }, "stopped");
        continue;
      }
      failed.push(step.name);
      log.error({ step: step.name, withinMs: step.withinMs, err: fault }, "a stop step did not end well");
    }
    return failed;
  }

  return {
    add: (name, stop, withinMs = STOP_WITHIN_MS) => {
      steps.push({ name, stop, withinMs });
    },
    run,
  };
}

async function runStep({ stop, withinMs }: Step): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const overrun = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error(`no end within ${withinMs} ms`)), withinMs);
  });
  try {
    return await Promise.race([settled(stop), overrun]);
  } finally {
    clearTimeout(timer);
  }
}

async function settled(stop: StopFunction): Promise<unknown> {
  try {
    await stop();
    return undefined;
  } catch (error) {
    return error ?? new Error("it threw nothing");
  }
}
