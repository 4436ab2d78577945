// publish: what one message costs Redis, measured by Redis itself (`INFO commandstats`), for the publish script with every
// rule on and for a bare SPUBLISH of a frame of the same size in the same run.

import { composeMessage } from "@rookery/broker";
import { round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const MESSAGES = 40_000;
const WARM_UP = 5_000;
const IN_FLIGHT = 100;
const CHANNELS = 50;

export async function publish(): Promise<Report> {
  const rig = await startRig();
  try {
    await messages(rig, "warm", WARM_UP);
    await rig.redis.config("RESETSTAT");
    await messages(rig, "real", MESSAGES);
    const scriptMicros = await microsPerCall(rig, "evalsha");
    const innerMicros = await microsInside(rig);
    const frame = "x".repeat(200);
    await inFlight(MESSAGES, () => rig.redis.spublish("{bare}:t", frame));
    const bareMicros = await microsPerCall(rig, "spublish");
    return {
      name: "publish",
      rows: [
        { what: "publish script, all six steps", "Redis µs/message": round(scriptMicros), target: "<= 18" },
        { what: "of that, the Redis commands inside it", "Redis µs/message": round(innerMicros), target: "" },
        { what: "bare SPUBLISH", "Redis µs/message": round(bareMicros), target: "" },
      ],
    };
  } finally {
    await rig.stop();
  }
}

async function messages(rig: Rig, run: string, total: number): Promise<void> {
  const publisher = rig.publisher();
  const body = "x".repeat(60);
  let n = 0;
  await inFlight(total, () => {
    n += 1;
    const id = `${run}-${String(n).padStart(16, "0")}`;
    const message = composeMessage({
      channel: `bench-${n % CHANNELS}`,
      id,
      clientId: id,
      user: "bench",
      name: "bench",
      body,
    });
    return publisher.publish({ ...message, rightsVersion: 0, slowModeMs: 0 });
  });
}

async function inFlight(total: number, call: () => Promise<unknown>): Promise<void> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < total) {
      started += 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function microsPerCall(rig: Rig, command: string): Promise<number> {
  const stats = await rig.redis.info("commandstats");
  const match = new RegExp(`^cmdstat_${command}:.*usec_per_call=([0-9.]+)`, "m").exec(stats);
  if (match === null) throw new Error(`publish: Redis has counted no ${command}`);
  return Number(match[1]);
}

/** What the commands that the script calls cost together, for each message: Redis counts them under their own names. */
async function microsInside(rig: Rig): Promise<number> {
  const stats = await rig.redis.info("commandstats");
  const inside = [...stats.matchAll(/^cmdstat_(\w+)\S*:calls=\d+,usec=(\d+)/gm)].filter(
    ([, name = ""]) => !OUTSIDE.has(name),
  );
  return inside.reduce((sum, [, , usec]) => sum + Number(usec), 0) / MESSAGES;
}

/** The script itself, and what the bench asks for its own sake. */
const OUTSIDE: ReadonlySet<string> = new Set(["evalsha", "eval", "config", "info|commandstats"]);
