// What a channel of thousands that is told by numbers alone costs while people come and go: frames a second a member, and CPU
// of the edge beside the same comings and goings in a channel of their own, where nobody else is told. One part of the bench
// `life`. The members are as many as the benches `connect` and `idle` open.

import { setTimeout as delay } from "node:timers/promises";
import { compare } from "./compare.ts";
import type { Side } from "./compare.ts";
import { openCrowd } from "./crowd.ts";
import type { Crowd } from "./crowd.ts";
import { openGuest } from "./guest.ts";
import type { Guest } from "./guest.ts";
import { cpuSeconds } from "./process-cost.ts";
import type { Rig } from "./rig.ts";

const MEMBERS = 9000;
const GUESTS = 100;
const CHANGES_PER_SEC = 500;
const SECONDS = 4;
const ROUNDS = 3;
const STEP_MS = 10;
/** What is due within a second of the last change. */
const SETTLED_MS = 1500;
const CHANNEL = "counted";

export async function countMode(rig: Rig, edge: { readonly port: number; readonly pid: number }) {
  const headers = await Promise.all(
    Array.from({ length: MEMBERS }, async (_, n) => ({ Authorization: `Bearer ${await rig.token(`member-${n}`)}` })),
  );
  const frames = [JSON.stringify({ type: "join", channel: CHANNEL, limit: 1 })];
  const crowd = await openCrowd(rig, [{ port: edge.port, sockets: MEMBERS, headers, frames }]);
  const guests = await Promise.all(
    Array.from({ length: GUESTS }, async (_, n) => openGuest(edge.port, await rig.token(`comer-${n}`))),
  );
  const side = (name: string, channel: string): Side => ({
    name,
    round: () => comeAndGo(crowd, edge.pid, guests, channel),
  });
  const elsewhere = side(`${CHANGES_PER_SEC} joins and leaves a second elsewhere, ${MEMBERS} members`, "elsewhere");
  const here = side("the same in the members' channel", CHANNEL);
  const compared = await compare(elsewhere, [here], ROUNDS);
  crowd.leave();
  const figures = (each: Side) => ({
    what: each.name,
    "frames/s a member": compared.of(each, "frames"),
    "CPU ms/s": compared.of(each, "cpu"),
  });
  const { ratio, spread } = compared.toBaseline(here, "cpu");
  return [
    { ...figures(elsewhere), ratio: 1, spread: `A against A ${compared.sameAgainstSame("cpu")}` },
    {
      ...figures(here),
      ...{ ratio, spread, target: "<= 1 frame/s" },
    },
  ];
}

/** Each guest comes and goes in turn. */
async function comeAndGo(crowd: Crowd, pid: number, guests: readonly Guest[], channel: string) {
  const before = { frames: (await crowd.framesRead()).all, cpu: cpuSeconds(pid) };
  const startedMs = performance.now();
  const asked: Promise<void>[] = guests.map(() => Promise.resolve());
  let changes = 0;
  for (let elapsedMs = 0; elapsedMs < SECONDS * 1000; elapsedMs = performance.now() - startedMs) {
    for (const due = (elapsedMs * CHANGES_PER_SEC) / 1000; changes < due; changes += 1) {
      const at = changes % guests.length;
      const comes = Math.floor(changes / guests.length) % 2 === 0;
      asked[at] = (asked[at] ?? Promise.resolve()).then(() => turn(guests[at], comes, channel));
    }
    await delay(STEP_MS);
  }
  await Promise.all(asked);
  const seconds = (performance.now() - startedMs) / 1000;
  const spent = { frames: (await crowd.framesRead()).all - before.frames, cpu: cpuSeconds(pid) - before.cpu };
  await Promise.all(guests.map((guest) => turn(guest, false, channel)));
  await delay(SETTLED_MS);
  return { frames: spent.frames / MEMBERS / seconds, cpu: (spent.cpu * 1000) / seconds };
}

function turn(guest: Guest | undefined, comes: boolean, channel: string): Promise<void> {
  if (guest === undefined) return Promise.resolve();
  return comes ? guest.join(channel) : guest.leave(channel);
}
