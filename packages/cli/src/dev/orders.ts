// When a `dev` must stop, and when at once: signals, the program that started it, a parent named by ROOKERY_PARENT_PID.
// Made once by run-dev.ts, before anything is started. States: none, stop, force; it only goes forwards.
import { watchParent } from "@rookery/runtime";
import type { Io } from "../io.ts";
import { onStopSignals } from "./stop-signals.ts";
import { watchStarter } from "./starter-watch.ts";

export interface Orders {
  /** Resolves at the first order. */
  readonly stop: Promise<void>;
  /** Resolves at a signal that comes over a second after the first one. */
  readonly force: Promise<void>;
  /** Aborted at the first order. */
  readonly signal: AbortSignal;
  /** Listens no more. */
  end(): void;
}

export function listenForOrders({ env, err }: Pick<Io, "env" | "err">): Orders {
  const stop = signpost();
  const force = signpost();
  const stopping = new AbortController();
  const order = (why: string): void => {
    if (!stopping.signal.aborted) err(`${why}: stopping`);
    stopping.abort();
    stop.reach();
  };
  const parentPid = Number(env["ROOKERY_PARENT_PID"] ?? "");
  const ends = [
    onStopSignals({
      stop: order,
      stopAtOnce: (signal) => {
        err(`${signal} again: stopping at once`);
        force.reach();
      },
    }),
    watchStarter(() => order("whoever started this is gone")),
    ...(parentPid > 0 ? [watchParent(parentPid, () => order("the process that started this is gone"))] : []),
  ];
  return {
    stop: stop.reached,
    force: force.reached,
    signal: stopping.signal,
    end: () => {
      for (const end of ends) end();
    },
  };
}

interface Signpost {
  readonly reached: Promise<void>;
  reach(): void;
}

function signpost(): Signpost {
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { reached, reach: () => reach() };
}
