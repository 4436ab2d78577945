// Contract of the sum of all buffers: each socket is in it once, whichever lane it came into since it was looked at.
import { expect, it } from "vitest";
import { createHub } from "../hub.ts";
import { ALICE, sessionOn } from "../session.fixture.ts";
import type { Session } from "../session.ts";
import { createBufferLooks } from "./buffer-looks.ts";
import { slowReaders } from "./slow-readers.fixture.ts";

const KIB = 1024;
const ROOMY = { softBufferBytes: 16 * KIB, hardBufferBytes: 64 * KIB, bufferBudgetBytes: 1024 * KIB * KIB };

function rig(sockets: number) {
  const hub = createHub<Session>();
  const { lanes } = slowReaders(hub.sessions, ROOMY);
  const buffer = { bytes: 0 };
  for (let n = 0; n < sockets; n += 1) {
    const session = sessionOn({ bufferedBytes: () => buffer.bytes }, `s${n}`);
    session.identify(ALICE);
    hub.register(session);
  }
  let delivered = 0;
  const looks = createBufferLooks({
    ...{ lanes: () => lanes, sessions: hub.sessions, budgetBytes: ROOMY.bufferBudgetBytes },
    deliveries: () => (delivered += 1),
  });
  return { looks, lanes, buffer };
}

it("what waits in sockets that become slow while they are looked at is counted once", () => {
  const { looks, lanes, buffer } = rig(8);
  // A whole pass, in parts, while all keep up: 10 KiB are less than the soft limit.
  buffer.bytes = 10 * KIB;
  for (let look = 0; look < 5; look += 1) looks.look(look * 250);
  expect(looks.usedBytes()).toBe(80 * KIB);
  // All fill; a quarter is found out with each look.
  buffer.bytes = 20 * KIB;
  for (let look = 5; look < 15; look += 1) {
    looks.look(look * 250);
    expect(looks.usedBytes()).toBeLessThanOrEqual(160 * KIB);
  }
  expect(looks.usedBytes()).toBe(160 * KIB);
  expect(lanes.sizes().byLane.quiet).toBe(8);
  buffer.bytes = 0;
  for (let look = 15; look < 25; look += 1) looks.look(look * 250);
  expect(looks.usedBytes()).toBe(0);
});
