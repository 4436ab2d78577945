// life: what life in a channel costs. Redis' time of a join beside a message, a channel of thousands that is only counted, a
// storm of typing beside messages, and what idle members ask of Redis. One edge with the settings that ship, but for rates, and
// for a grace of none: who leaves is gone at once, so that rounds can follow each other. Idle members sit on edges of a
// cluster of their own, where nobody has gone and nothing is to be cleared away.

import { atRest } from "./at-rest.ts";
import { countMode } from "./count-mode.ts";
import { joinCost } from "./join-cost.ts";
import type { Report } from "./report.ts";
import { startRig } from "./rig.ts";
import { typingStorm } from "./typing-storm.ts";

const SETTINGS = {
  ROOKERY_PRESENCE_GRACE_MS: "0",
  ROOKERY_PACE_MAX_MS: "25",
  ROOKERY_COMMANDS_PER_SEC: "100000",
  ROOKERY_COMMAND_BURST: "1000000",
};

export async function* life(): AsyncGenerator<Report> {
  const rig = await startRig();
  try {
    const { process: edge, port } = await rig.startEdge(SETTINGS);
    const pid = rig.pidOf(edge);
    yield { name: "life-join", rows: await joinCost(rig, port) };
    yield { name: "life-typing", rows: await typingStorm(rig, { port, pid }) };
    yield { name: "life-presence", rows: await countMode(rig, { port, pid }) };
  } finally {
    await rig.stop();
  }
  yield { name: "life-rest", rows: await atRest(SETTINGS) };
}
