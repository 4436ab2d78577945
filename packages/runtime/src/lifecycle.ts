// The life of a process: settings, log, metrics, start, ready, graceful stop, exit code. Every service's main is run by it.
// States: starting -> ready -> stopping -> ended; a signal, a lost parent or `stop()` leads to stopping from either of the
// first two, and only the first cause counts. A fault nobody caught ends the process at once, whatever the state.
import { parseFlags } from "./flags.ts";
import { createLog } from "./log.ts";
import type { Log } from "./log.ts";
import { takenPort, wrongListenSetting } from "./listen-host.ts";
import { createMetrics } from "./metrics.ts";
import type { Metrics } from "./metrics.ts";
import { createNodeId } from "./node-id.ts";
import type { NodeId } from "./node-id.ts";
import { watchParent } from "./parent-watch.ts";
import type { ProcessRows } from "./process-rows.ts";
import { SettingsError } from "./settings-problem.ts";
import { createSettings } from "./settings.ts";
import type { SettingsReader } from "./settings.ts";
import type { SettingsSources } from "./settings-sources.ts";
import type { ServiceOf, ServiceValues, SettingRows, SettingsTable } from "./settings-table.ts";
import { createStopList } from "./stop-list.ts";
import type { StopFunction } from "./stop-list.ts";
import { VERSION } from "./version.ts";

/** What a launcher hears on the IPC channel once a child serves; ports are the real ones, also when 0 was asked for. */
export type ReadyMessage = { ready: true; port?: number; internalPort: number; node: string };

/** `V`: the values of everything that the service reads. */
export interface ProcessContext<V> {
  readonly settings: V;
  readonly log: Log;
  readonly metrics: Metrics;
  /** New at every start: `<name>.<4 characters>`. To be asked at the moment of speaking, since it can change. */
  readonly node: NodeId;
  /** Registers what must be given back; runs in reverse order at the end, within 5 s unless said otherwise. */
  onStop(this: void, name: string, stop: StopFunction, withinMs?: number): void;
  /** Begins the graceful stop; the process exits with 0, or 1 when a step failed. Later calls change nothing. */
  stop(this: void, reason: string): void;
  /** The same after something that no restart of the same process would mend; exits with 1. */
  fail(this: void, reason: string): void;
  /** Says in one line why surroundings are wrong that only an operator can mend, stops, and exits with 78. */
  refuse(this: void, reason: string): void;
  /** To be called by main when it serves: one log line, and the message to a launcher. */
  announceReady(this: void, ports: { readonly port?: number; readonly internalPort: number }): void;
}

/** sysexits.h EX_CONFIG: a supervisor can tell that starting again will not help. */
const EXIT_CONFIG = 78;
/** A terminal, npm and a supervisor may each send the same signal; within this time they are one. */
const SAME_SIGNAL_MS = 1000;
/** Without its launcher nobody waits for a long drain. */
const ORPHAN_STOP_MS = 5000;

/**
 * Runs a service of the table until it is told to stop. Exit codes: 0 stopped, 1 failed to start or to stop, was killed by
 * a second signal or by a fault; 78 wrong settings, printed all at once without a stack trace, or wrong surroundings.
 */
export async function runProcess<R extends SettingRows & ProcessRows, S extends ServiceOf<R>>(
  table: SettingsTable<R>,
  service: S,
  main: (context: ProcessContext<ServiceValues<R, S>>) => Promise<void>,
): Promise<void> {
  const sources = { env: process.env, flags: parseFlags(process.argv.slice(2)) };
  const reader = createSettings(table);
  const { settings, own } = await orExit(async () => {
    await reader.check(service, sources);
    return { settings: reader.load(service, sources), own: ownSettings(table, sources) };
  });
  const node = createNodeId(own.nodeName ?? service);
  const log = createLog({ service, node: node.current, level: own.logLevel });
  endOnFault(log);
  warnOfGenerated(reader, service, sources, log);
  const stops = createStopList(log);
  const ending = createEnding(log, stops.run);
  stopOnSignals(log, ending.stop);
  if (own.parentPid !== undefined) stopWithParent(own.parentPid, ending.stop);
  const context: ProcessContext<ServiceValues<R, S>> = {
    settings,
    log,
    metrics: createMetrics({ service, node: node.current, version: VERSION }),
    node,
    onStop: stops.add,
    stop: ending.stop,
    fail: (reason) => ending.stop(reason, 1),
    refuse(reason) {
      if (!ending.isStopping()) log.fatal(reason);
      ending.stop("wrong surroundings", EXIT_CONFIG);
    },
    announceReady: (ports) => {
      // A main that was told to stop while it started is not to be counted on.
      if (!ending.isStopping()) announceReady(log, { ready: true, ...ports, node: node.current() });
    },
  };
  try {
    await main(context);
  } catch (error) {
    // What a stop closes under a main that is still starting fails there; that is the stop, not a failed start.
    if (ending.isStopping()) return;
    const wrong = wrongListenSetting(error);
    const why = wrong ?? takenPort(error);
    if (why === undefined) log.fatal({ err: error }, "could not start");
    else log.fatal(`could not start: ${why}`);
    await stops.run();
    process.exit(wrong === undefined ? 1 : EXIT_CONFIG);
  }
}

/** What this file itself goes by, whoever else reads it. */
function ownSettings({ rows, fileExample }: SettingsTable<SettingRows & ProcessRows>, sources: SettingsSources) {
  const table: SettingsTable<ProcessRows> = { rows, rules: [], fileExample };
  return createSettings(table).load(["nodeName", "logLevel", "parentPid"], sources);
}

async function orExit<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(EXIT_CONFIG);
  }
}

/** A secret made here is known to no other process: right for one process alone, a mistake in a cluster. */
function warnOfGenerated<R extends SettingRows>(
  { inspect }: SettingsReader<R>,
  service: ServiceOf<R>,
  sources: SettingsSources,
  log: Log,
): void {
  for (const { env, source } of inspect(service, sources)) {
    if (source === "generated") log.warn({ setting: env }, "no value given; a random one was made for this run");
  }
}

interface Ending {
  stop(this: void, reason: string, exitCode?: number): void;
  isStopping(): boolean;
}

function createEnding(log: Log, runSteps: () => Promise<readonly string[]>): Ending {
  let isStopping = false;
  return {
    stop(reason, exitCode = 0) {
      if (isStopping) return;
      isStopping = true;
      log.info({ reason }, "stopping");
      runSteps()
        .then((failed) => {
          log.info({ reason, failed }, "stopped");
          process.exit(failed.length === 0 || exitCode !== 0 ? exitCode : 1);
        })
        .catch(() => process.exit(1));
    },
    isStopping: () => isStopping,
  };
}

function stopOnSignals(log: Log, stop: Ending["stop"]): void {
  let firstAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    firstAtMs ??= nowMs;
    if (nowMs - firstAtMs <= SAME_SIGNAL_MS) {
      stop(signal);
      return;
    }
    log.warn({ signal }, "told twice, ending at once");
    process.exit(1);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

function stopWithParent(parentPid: number, stop: Ending["stop"]): void {
  watchParent(parentPid, () => {
    setTimeout(() => process.exit(1), ORPHAN_STOP_MS);
    stop("parent gone");
  });
}

/** Rejections nobody handled arrive here too: without a listener of their own Node raises them as exceptions. */
function endOnFault(log: Log): void {
  process.on("uncaughtException", (error, origin) => {
    log.fatal({ err: error, origin }, "a fault nobody caught");
    process.exit(1);
  });
}

function announceReady(log: Log, message: ReadyMessage): void {
  const { port, internalPort } = message;
  log.info(port === undefined ? { internalPort } : { port, internalPort }, "listening");
  // A launcher that has gone or hung up hears nothing; that is its own affair.
  if (process.send !== undefined && process.connected) process.send(message, undefined, undefined, () => undefined);
}
