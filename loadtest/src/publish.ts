// publish: what one message costs Redis, measured by Redis itself (`INFO commandstats`), for the publish script with every
// rule on, beside a bare SET of the same frame with a time to live. Redis measures elapsed time, so everything else that
// the machine does is in its figures: messages go out in windows during which this process waits, and the quietest tenth
// of the windows is told beside their median.

import { composeMessage } from "@rookery/broker";
import { median, quietest, round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const WINDOWS = 100;
const WARM_UP_WINDOWS = 15;
const MESSAGES_A_WINDOW = 400;
const CHANNELS = 50;
const REMEMBERED_MS = 600_000;
const FRAME = "x".repeat(300);

/** Redis' own µs a call, one figure a window. */
interface Costs {
  readonly whole: number[];
  /** What the commands inside a script cost; Redis counts them under their own names. */
  readonly inside: number[];
}

export async function publish(): Promise<Report> {
  const rig = await startRig();
  try {
    const send = sender(rig);
    for (let n = 0; n < WARM_UP_WINDOWS; n += 1) await inWindow(send);
    const script = await measure(rig, "evalsha", send);
    let keys = 0;
    const bare = await measure(rig, "set", () => rig.redis.set(`bare:${(keys += 1)}`, FRAME, "PX", REMEMBERED_MS));
    const row = (what: string, micros: readonly number[], target = "") => ({
      what,
      "Redis µs/message": round(median(micros)),
      "quietest tenth": round(quietest(micros)),
      target,
    });
    return {
      name: "publish",
      rows: [
        row("publish script, every rule on", script.whole, "<= 18"),
        row("of that, the Redis commands inside it", script.inside),
        row("bare SET with a time to live", bare.whole),
      ],
    };
  } finally {
    await rig.stop();
  }
}

function sender(rig: Rig): () => Promise<unknown> {
  const publisher = rig.publisher();
  const body = "x".repeat(60);
  let n = 0;
  return () => {
    n += 1;
    const id = `bench-${String(n).padStart(15, "0")}`;
    const message = composeMessage({
      channel: `bench-${n % CHANNELS}`,
      id,
      clientId: id,
      user: "bench",
      name: "bench",
      body,
    });
    return publisher.publish({ ...message, rightsVersion: 0, slowModeMs: 0, freshRights: async () => 0 });
  };
}

/** All of a window in one turn of the loop: they reach Redis together, and this process is idle until it has answered. */
async function inWindow(call: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: MESSAGES_A_WINDOW }, call));
}

async function measure(rig: Rig, command: string, call: () => Promise<unknown>): Promise<Costs> {
  const costs: Costs = { whole: [], inside: [] };
  for (let n = 0; n < WINDOWS; n += 1) {
    await rig.redis.config("RESETSTAT");
    await inWindow(call);
    const stats = await rig.redis.info("commandstats");
    const used = [...stats.matchAll(/^cmdstat_(\w+)\S*:calls=\d+,usec=(\d+)/gm)].map(
      ([, name = "", usec]) => [name, Number(usec) / MESSAGES_A_WINDOW] as const,
    );
    const inside = used.filter(([name]) => name !== command && !ASKED_BY_THE_BENCH.has(name));
    costs.whole.push(used.find(([name]) => name === command)?.[1] ?? Number.NaN);
    costs.inside.push(inside.reduce((sum, [, micros]) => sum + micros, 0));
  }
  return costs;
}

const ASKED_BY_THE_BENCH: ReadonlySet<string> = new Set(["config"]);
