// What a storm of typing does to messages: 1,000 members of one channel of whom each says once a second that they type, against
// the same members in silence, while messages flow. CPU of the edge for each message that reached a socket, and how long
// messages take. One part of the bench `life`.

import { composeMessage } from "@rookery/broker";
import { compare } from "./compare.ts";
import type { Side } from "./compare.ts";
import { deliver, openCrowd } from "./crowd.ts";
import { cpuSeconds } from "./process-cost.ts";
import { quantile, round } from "./report.ts";
import { UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const TYPISTS = 1000;
const SAID_EVERY_MS = 1000;
const ROUNDS = 5;
const WARM_UP_SECONDS = 1;
const SECONDS = 2;
const RATES_PER_SEC = [100, 500];
const CHANNEL = "typed-in";
const TARGET = "<= 1.3x";

export async function typingStorm(rig: Rig, edge: { readonly port: number; readonly pid: number }) {
  const headers = await Promise.all(
    Array.from({ length: TYPISTS }, async (_, n) => ({ Authorization: `Bearer ${await rig.token(`typist-${n}`)}` })),
  );
  const frames = [JSON.stringify({ type: "join", channel: CHANNEL, limit: 1 })];
  const crowd = await openCrowd(rig, [{ port: edge.port, sockets: TYPISTS, headers, frames }]);
  const publisher = rig.publisher();
  const publish = (body: string): void => {
    made += 1;
    const id = `typed-${String(made).padStart(15, "0")}`;
    const message = composeMessage({ channel: CHANNEL, id, clientId: id, user: "bench", name: "bench", body });
    void publisher.publish({ ...message, ...UNFENCED });
  };
  const sideAt = (perSec: number, name: string, types: boolean): Side => ({
    name,
    async round() {
      const rate = { perSec, sockets: TYPISTS };
      if (types) await crowd.chatter(typingFrame(true), SAID_EVERY_MS);
      await deliver(crowd, { ...rate, seconds: WARM_UP_SECONDS }, publish);
      await crowd.takeDelaysMs();
      const before = { cpu: cpuSeconds(edge.pid), ...(await crowd.framesRead()) };
      await deliver(crowd, { ...rate, seconds: SECONDS }, publish);
      const cost = ((cpuSeconds(edge.pid) - before.cpu) * 1e6) / (perSec * SECONDS * TYPISTS);
      const read = await crowd.framesRead();
      if (types) await crowd.quiet(typingFrame(false));
      const delaysMs = await crowd.takeDelaysMs();
      const signals = read.all - before.all - (read.messages - before.messages);
      return {
        ...{ cost, p50Ms: round(quantile(delaysMs, 0.5)), p99Ms: round(quantile(delaysMs, 0.99)) },
        signals: signals / TYPISTS / SECONDS,
      };
    },
  });
  const rows = [];
  for (const perSec of RATES_PER_SEC) {
    const alone = sideAt(perSec, `${perSec} msg/s to ${TYPISTS} members`, false);
    const storm = sideAt(perSec, `the same, and all of them type`, true);
    const compared = await compare(alone, [storm], ROUNDS);
    for (const side of [alone, storm]) {
      const { ratio, spread } = compared.toBaseline(side, "cost");
      rows.push({
        what: side.name,
        "µs a delivered message": compared.of(side, "cost"),
        ratio,
        spread: side === alone ? `A against A ${compared.sameAgainstSame("cost")}` : spread,
        "p50 ms": compared.of(side, "p50Ms"),
        "p99 ms": compared.of(side, "p99Ms"),
        "signals/s a member": compared.of(side, "signals"),
        target: side === alone ? "" : TARGET,
      });
    }
  }
  crowd.leave();
  return rows;
}

function typingFrame(on: boolean): string {
  return JSON.stringify({ type: "typing", channel: CHANNEL, on });
}

let made = 0;
