// What idle sockets make an edge ask of Redis: commands a second of one with 200 and of one with 2,000, over the same seconds.
// Nothing is refreshed per socket, so they are the same. One part of the bench `life`.

import { openCrowd } from "./crowd.ts";
import type { Crowd } from "./crowd.ts";
import { addresses, hearCommands } from "./heard-commands.ts";
import { round } from "./report.ts";
import { startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = [200, 2000];
/** More than a beat, an office and a whole turn of heads. */
const HEARD_SEC = 16;
const CHANNEL = "at-rest";
const TARGET = "<= 5 % apart";

export async function atRest(settings: Record<string, string>) {
  const rig = await startRig();
  try {
    return await look(rig, settings);
  } finally {
    await rig.stop();
  }
}

async function look(rig: Rig, settings: Record<string, string>) {
  const crowds: { readonly sockets: number; readonly own: Set<string>; readonly crowd: Crowd }[] = [];
  for (const sockets of SOCKETS) {
    const others = await addresses(rig);
    const { port } = await rig.startEdge(settings);
    const own = new Set([...(await addresses(rig))].filter((address) => !others.has(address)));
    const headers = await Promise.all(
      Array.from({ length: sockets }, async (_, n) => ({
        Authorization: `Bearer ${await rig.token(`idler-${sockets}-${n}`)}`,
      })),
    );
    const frames = [JSON.stringify({ type: "join", channel: CHANNEL, limit: 1 })];
    crowds.push({ sockets, own, crowd: await openCrowd(rig, [{ port, sockets, headers, frames }]) });
  }
  const heard = await Promise.all(crowds.map(({ own }) => hearCommands(rig, own)));
  await new Promise((resolve) => setTimeout(resolve, HEARD_SEC * 1000));
  const counted = heard.map((each) => each.commands());
  for (const each of heard) each.stop();
  for (const { crowd } of crowds) crowd.leave();
  return crowds.map(({ sockets }, n) => ({
    what: `${sockets} idle sockets in a channel`,
    "commands/s": round((counted[n] ?? Number.NaN) / HEARD_SEC),
    ratio: round((counted[n] ?? Number.NaN) / (counted[0] ?? Number.NaN)),
    target: n === 0 ? "" : TARGET,
  }));
}
