// Contract of membership: what entering took is given back once, whichever way the session leaves.
import { describe, expect, it } from "vitest";
import { createHub } from "./hub.ts";
import { createMembership } from "./membership.ts";
import { ALICE, ALONE, sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

function rig() {
  const hub = createHub<Session>();
  const released: string[] = [];
  const entered: string[] = [];
  const topics = new Set<string>();
  const session = sessionOn({
    subscribe: (topic) => void topics.add(topic),
    unsubscribe: (topic) => void topics.delete(topic),
  });
  session.identify(ALICE);
  hub.register(session);
  const membership = createMembership({
    hub,
    relays: { release: (channel) => void released.push(channel) },
    entered(who, channel) {
      entered.push(`${who.user} ${channel}`);
      return ALONE();
    },
    leavers: [(left, channel) => left.unwantPersisted(channel)],
  });
  return { hub, released, entered, topics, session, membership };
}

describe("a membership", () => {
  it("is a seat in the hub and both native topics, and nothing is given back while it lasts", () => {
    const { hub, released, topics, session, membership } = rig();
    membership.enter(session, "lobby");
    expect([...hub.membersOf("lobby")]).toEqual([session]);
    expect([...topics]).toEqual(["m/lobby", "s/lobby"]);
    expect(released).toEqual([]);
  });

  it("is told to the cluster when it begins, and answers with the crowd", async () => {
    const { entered, session, membership } = rig();
    expect(await membership.enter(session, "lobby")?.crowd).toEqual({ online: 1, mode: "full" });
    expect(membership.enter(session, "lobby")).toBeUndefined();
    membership.exitAll(session);
    expect(membership.enter(session, "attic")).toBeUndefined();
    expect(entered).toEqual(["alice lobby"]);
  });

  it("ends with all it held, once", () => {
    const { hub, released, topics, session, membership } = rig();
    membership.enter(session, "lobby");
    session.wantPersisted("lobby");
    membership.exit(session, "lobby");
    membership.exit(session, "lobby");
    expect([hub.counts().memberships, topics.size, session.wantsPersisted("lobby")]).toEqual([0, 0, false]);
    expect(released).toEqual(["lobby"]);
  });

  it("leaves a wish for all channels standing", () => {
    const { session, membership } = rig();
    membership.enter(session, "lobby");
    session.wantPersisted();
    membership.exit(session, "lobby");
    expect(session.wantsPersisted("lobby")).toBe(true);
  });

  it("ends in every channel with its session, whose socket is touched no more", () => {
    const { hub, released, topics, session, membership } = rig();
    for (const channel of ["lobby", "attic"]) membership.enter(session, channel);
    session.closed();
    membership.exitAll(session);
    membership.exitAll(session);
    expect(hub.counts()).toEqual({ sessions: 0, users: 0, channels: 0, memberships: 0 });
    expect(released).toEqual(["lobby", "attic"]);
    expect(topics.size).toBe(4);
  });

  it("does not begin for a session that has meanwhile ended, whose hold is given back", () => {
    const { hub, released, topics, session, membership } = rig();
    session.closed();
    membership.exitAll(session);
    membership.enter(session, "lobby");
    expect([hub.counts().memberships, topics.size, released]).toEqual([0, 0, ["lobby"]]);
  });

  it("begins once: a second hold is given back and the first stays", () => {
    const { hub, released, topics, session, membership } = rig();
    membership.enter(session, "lobby");
    membership.enter(session, "lobby");
    expect([hub.counts().memberships, topics.size, released]).toEqual([1, 2, ["lobby"]]);
  });
});
