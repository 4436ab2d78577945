// What it adds to a join that it is noted for the audit log: CPU of the edge and of Redis beside an edge of the same file that
// notes nothing. Fifty guests join forty channels each, one after the other, and what is noted of it is in Redis before the
// round ends. That they leave again is not measured. No persister runs: that is the business of `drain`.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compare } from "./compare.ts";
import type { Side } from "./compare.ts";
import { openGuest } from "./guest.ts";
import type { Guest } from "./guest.ts";
import { cpuSeconds } from "./process-cost.ts";
import { startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const GUESTS = 50;
const CHANNELS = 40;
const ROUNDS = 21;
/** Records gather for a quarter of a second. */
const NOTED_WITHIN_MS = 400;
const TARGET = "<= 1.1x";
const SETTINGS = {
  ROOKERY_PRESENCE_GRACE_MS: "0",
  ROOKERY_COMMANDS_PER_SEC: "100000",
  ROOKERY_COMMAND_BURST: "1000000",
  ROOKERY_OUTBOX_MAX_BYTES: String(64 * 2 ** 30),
};
/** As the edge's main makes what notes; as nobody does. */
const NOTING = "trail: createNodeAuditTrail(context, stores, belonging.trouble)";
const NOT_NOTING = "trail: { note() {}, settled: async () => {} }";

export async function auditCost() {
  const rig = await startRig();
  const built = fileURLToPath(import.meta.resolve("@rookery/edge"));
  // It finds its scripts from where it stands.
  const unaudited = built.replace(/main\.js$/, "unaudited.js");
  try {
    const text = readFileSync(built, "utf8");
    if (!text.includes(NOTING)) throw new Error("control: an edge's main no longer makes its audit trail as it did");
    writeFileSync(unaudited, text.replace(NOTING, NOT_NOTING));
    const silent = await sideOf(rig, "without", unaudited);
    const noting = await sideOf(rig, "with", built);
    const found = await compare(silent, [noting], ROUNDS);
    return ["edge", "redis", "both"].map((figure) => {
      const { ratio, spread } = found.toBaseline(noting, figure);
      return {
        what: `a join that is noted: ${figure === "both" ? "edge and Redis" : figure}`,
        "without, µs": found.of(silent, figure),
        "with, µs": found.of(noting, figure),
        ratio,
        spread,
        "A against A": found.sameAgainstSame(figure),
        target: figure === "both" ? TARGET : "",
      };
    });
  } finally {
    await rig.stop();
    rmSync(unaudited, { force: true });
  }
}

async function sideOf(rig: Rig, name: string, file: string): Promise<Side> {
  const edge = await rig.startEdge(SETTINGS, file);
  const [edgePid, redisPid] = [rig.pidOf(edge.process), await rig.redisPid()];
  const guests = await Promise.all(
    Array.from({ length: GUESTS }, async (_, n) => openGuest(edge.port, await rig.token(`${name}-${n}`))),
  );
  const each = async (one: (guest: Guest, channel: string) => Promise<void>): Promise<void> => {
    const walk = async (guest: Guest): Promise<void> => {
      for (let n = 0; n < CHANNELS; n += 1) await one(guest, `${name}-${n}`);
    };
    await Promise.all(guests.map(walk));
    await new Promise((resolve) => setTimeout(resolve, NOTED_WITHIN_MS));
  };
  return {
    name,
    async round() {
      const from = { edge: cpuSeconds(edgePid), redis: cpuSeconds(redisPid) };
      await each((guest, channel) => guest.join(channel));
      const micros = (seconds: number): number => (seconds * 1e6) / GUESTS / CHANNELS;
      const [ofEdge, ofRedis] = [micros(cpuSeconds(edgePid) - from.edge), micros(cpuSeconds(redisPid) - from.redis)];
      await each((guest, channel) => guest.leave(channel));
      return { edge: ofEdge, redis: ofRedis, both: ofEdge + ofRedis };
    },
  };
}
