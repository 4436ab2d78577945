// Contract of slow sockets that outlet.fuzz cannot see: what is told on the way back, what is closed and why, what is counted.
import { expect, it } from "vitest";
import { createHub } from "../hub.ts";
import { createMembership } from "../membership.ts";
import { ALICE, ALONE, sessionOn } from "../session.fixture.ts";
import type { Session } from "../session.ts";
import { slowReaders, SMALL_BUFFERS } from "./slow-readers.fixture.ts";

const KIB = 1024;

/** A session in two channels, whose socket holds as many bytes as `buffer` says, and hears what it subscribes. */
function rig() {
  const hub = createHub<Session>();
  const typing = {
    now: [
      { user: "bob", name: "Bob" },
      { user: "cat", name: "Cat" },
    ],
  };
  const slow = slowReaders(hub.sessions, SMALL_BUFFERS, {
    crowds: { frameFor: (channel) => `crowd of ${channel}` },
    typists: { framesFor: () => typing.now.map(({ user }) => `${user} types`), shownTo: () => typing.now },
  });
  const { lanes } = slow;
  const buffer = { bytes: 0 };
  const topics = new Set<string>();
  const said: string[] = [];
  const session = sessionOn({
    bufferedBytes: () => buffer.bytes,
    subscribe: (topic) => session.wire?.lane?.keepsFrom(topic) === true || topics.add(topic),
    unsubscribe: (topic) => topics.delete(topic),
    send: (text) => (session.wire?.lane?.isHolding === true ? session.wire.lane.hold(text) : said.push(text)),
    writeNow: (text) => said.push(text),
    end: (code) => said.push(String(code)),
  });
  session.identify(ALICE);
  hub.register(session);
  const membership = createMembership({
    ...{ hub, relays: { release: () => undefined }, entered: ALONE, leavers: [lanes.left] },
  });
  for (const channel of ["a", "b"]) membership.enter(session, channel);
  const holds = (bytes: number): void => {
    buffer.bytes = bytes;
    lanes.look(session);
  };
  return { slow, lanes, session, membership, topics, said, holds, typing };
}

it("a socket over the soft limit hears no signals, and is told on its way back who is there, who types and who stopped", () => {
  const { slow, topics, said, holds, typing } = rig();
  holds(17 * KIB);
  expect([...topics]).toEqual(["m/a", "m/b"]);
  expect(slow.shed.countIn("a")).toBe(1);
  typing.now = [{ user: "cat", name: "Cat" }];
  holds(9 * KIB);
  expect(said, "not while it may fill again at once").toEqual([]);
  holds(8 * KIB);
  expect([...topics].toSorted()).toEqual(["m/a", "m/b", "s/a", "s/b"]);
  expect(said.slice(0, 3)).toEqual(["crowd of a", expect.stringMatching(/"user":"bob".*"on":false/), "cat types"]);
  expect(said).toHaveLength(6);
  expect(slow.shed.countIn("a")).toBe(0);
});

it("signals that one session is told itself are shed with the others, and counted by type", () => {
  const { slow, session, holds } = rig();
  holds(17 * KIB);
  expect(session.wire?.lane?.sheds('{"type":"read","channel":"a"}')).toBe(true);
  slow.shed.shed(Buffer.from('{"type":"typing","channel":"a"}'), 3);
  expect(slow.metrics.signalsShed).toMatchObject({ read: { n: 1 }, typing: { n: 3 }, other: { n: 0 } });
});

it("a join while behind is heard once the socket has caught up, and a leave no more", () => {
  const { lanes, session, membership, topics, holds } = rig();
  holds(65 * KIB);
  expect([...topics]).toEqual([]);
  membership.enter(session, "c");
  membership.exit(session, "b");
  expect([...topics]).toEqual([]);
  holds(0);
  expect([...topics].toSorted()).toEqual(["m/a", "m/c", "s/a", "s/c"]);
  expect(lanes.sizes().byLane).toEqual({ quiet: 0, behind: 0, catching_up: 0 });
});

it("who has answers waiting is closed when taken out of a channel, and hears none of them", () => {
  const { session, membership, said, holds } = rig();
  holds(65 * KIB);
  session.tell("a page of a");
  membership.remove(session, "a");
  expect(said).toEqual(["4001"]);
});

it("who leaves of its own, or has nothing waiting, stays", () => {
  const { session, membership, said, holds } = rig();
  holds(65 * KIB);
  membership.remove(session, "a");
  session.tell("a page of b");
  membership.exit(session, "b");
  holds(0);
  expect(said).toEqual(["a page of b"]);
});

it("who asks for more answers than are kept is closed, and so is who does not catch up in 30 s", async () => {
  const asking = rig();
  asking.holds(65 * KIB);
  for (let n = 0; n < 5; n += 1) asking.session.tell("x".repeat(60 * KIB));
  await expect.poll(() => asking.said).toEqual(["4001"]);
  const staying = rig();
  staying.holds(65 * KIB);
  staying.lanes.tick(performance.now() + 29_000);
  expect(staying.said).toEqual([]);
  staying.lanes.tick(performance.now() + 31_000);
  expect(staying.said).toEqual(["4001"]);
  expect(staying.slow.metrics.lanes.closed.too_long.n).toBe(1);
});

it("a socket that answers its ping after too long is pinged anew, and forgotten once it has kept up for a minute", () => {
  const { lanes, session } = rig();
  lanes.heard(session, "silent");
  expect(lanes.sizes().byLane.behind).toBe(1);
  session.unansweredAtMs = 0;
  lanes.heard(session, "answered");
  expect(session.unansweredAtMs).toBeGreaterThan(0);
  expect([...lanes.sizes().sessions]).toEqual([session]);
  lanes.tick(performance.now() + 61_000);
  expect([...lanes.sizes().sessions]).toEqual([]);
  expect(session.wire?.lane).toBeUndefined();
});
