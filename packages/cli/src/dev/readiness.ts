// Waits for a process to be ready, by the word of its internal port, and tells what keeps it from it. Called by
// service-process.ts. States: asking, ready, given up.
import { pause } from "@rookery/runtime";
import { visibleLine } from "../chat/visible-text.ts";
import { messageOf } from "../io.ts";

const POLL_MS = 25;
const PROBE_WITHIN_MS = 2000;
/** Every process is unready for a moment; what lasts this long is worth a line. */
const UNREADY_MS = 1000;

/** Resolves once `/readyz` answers 200, or when it is given up. Calls `unready` with each reason that lasts, once. */
export async function untilReady(internal: string, unready: (why: string) => void, until: AbortSignal): Promise<void> {
  const url = `${internal}/readyz?verbose`;
  const told = new Set<string>();
  let reason = "";
  let sinceMs = performance.now();
  while (!until.aborted) {
    const found = await troubleAt(url, AbortSignal.any([until, AbortSignal.timeout(PROBE_WITHIN_MS)]));
    if (found === undefined || until.aborted) return;
    if (found !== reason) sinceMs = performance.now();
    reason = found;
    if (!told.has(reason) && performance.now() - sinceMs > UNREADY_MS) {
      told.add(reason);
      unready(reason);
    }
    await pause(POLL_MS);
  }
}

/** Undefined when it is ready, otherwise which of its checks say what. */
async function troubleAt(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal });
    const text = await response.text();
    return response.status === 200 ? undefined : (failedChecks(text) ?? `HTTP ${response.status} from ${url}`);
  } catch (error) {
    return `${url}: ${messageOf(error)}`;
  }
}

/** Undefined when the answer is of another form. */
function failedChecks(text: string): string | undefined {
  try {
    const { checks }: { checks: readonly { name: string; ok: boolean; detail?: string }[] } = JSON.parse(text);
    const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail ?? "not ok"}`);
    return visibleLine(failed.join("; "));
  } catch {
    return undefined;
  }
}
