// How long the thread of a page was busy at a stretch while something was done to it, by the browser's own trace. Called by the
// tests that hold the page to a bound. Counts the thread's own time, so that a busy machine does not make it longer.
import type { CDPSession, Page } from "playwright-core";

export interface Task {
  readonly busyMs: number;
  /** By the clock on the wall, with whatever else ran on this machine. */
  readonly tookMs: number;
}

const SHOWN = 5;
const CATEGORIES = ["disabled-by-default-devtools.timeline", "__metadata"];

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** The longest tasks of the page's main thread, longest first. */
export async function longestTasks<T>(
  page: Page,
  act: () => Promise<T>,
): Promise<{ result: T; tasks: readonly Task[] }> {
  const session = await page.context().newCDPSession(page);
  const events: unknown[] = [];
  session.on("Tracing.dataCollected", ({ value }) => void events.push(...value));
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: CATEGORIES, excludedCategories: ["*"] },
  });
  const result = await act();
  await endOf(session);
  return { result, tasks: mainTasks(events.filter(isTraceEvent)) };
}

function isTraceEvent(value: unknown): value is TraceEvent {
  return typeof value === "object" && value !== null && "name" in value && "pid" in value && "tid" in value;
}

async function endOf(session: CDPSession): Promise<void> {
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.end");
  await complete;
}

function mainTasks(events: readonly TraceEvent[]): readonly Task[] {
  const isMain = new Set(
    events
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  return events
    .filter(({ name, pid, tid }) => name.endsWith("RunTask") && isMain.has(`${pid}/${tid}`))
    .map(({ dur = 0, tdur = 0 }) => ({ busyMs: tdur / 1000, tookMs: dur / 1000 }))
    .toSorted((one, other) => other.busyMs - one.busyMs)
    .slice(0, SHOWN);
}
