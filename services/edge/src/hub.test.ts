import { describe, expect, it } from "vitest";
import { createHub } from "./hub.ts";
import type { Member } from "./hub.ts";

const member = (id: string, user = id): Member => ({ id, user, channels: new Set() });

describe("the hub", () => {
  it("knows who is in a channel and which sessions a user has", () => {
    const hub = createHub<Member>();
    const [phone, laptop, bob] = [member("1", "alice"), member("2", "alice"), member("3", "bob")];
    for (const each of [phone, laptop, bob]) hub.register(each);
    hub.join(phone, "lobby");
    hub.join(bob, "lobby");
    expect([...hub.membersOf("lobby")]).toEqual([phone, bob]);
    expect([...hub.sessionsOf("alice")]).toEqual([phone, laptop]);
    expect([hub.sessions.get("2"), hub.sessions.get("4")]).toEqual([laptop, undefined]);
    expect(hub.counts()).toEqual({ sessions: 3, users: 2, channels: 1, memberships: 2 });
  });

  it("changes nothing on a second join, a second leave and a second unregister", () => {
    const hub = createHub<Member>();
    const alice = member("1");
    hub.register(alice);
    expect([hub.join(alice, "lobby"), hub.join(alice, "lobby")]).toEqual([true, false]);
    expect(hub.counts().memberships).toBe(1);
    expect([hub.leave(alice, "lobby"), hub.leave(alice, "lobby")]).toEqual([true, false]);
    expect(hub.counts().memberships).toBe(0);
    hub.join(alice, "lobby");
    expect([hub.unregister(alice), hub.unregister(alice)]).toEqual([["lobby"], []]);
  });

  it("refuses the join of a session that has already gone", () => {
    const hub = createHub<Member>();
    const late = member("1");
    hub.register(late);
    hub.unregister(late);
    expect(hub.join(late, "lobby")).toBe(false);
    expect(hub.membersOf("lobby").size).toBe(0);
  });

  it("gives everything back after churn", () => {
    const hub = createHub<Member>();
    const members = Array.from({ length: 500 }, (_, n) => member(`s${n}`, `u${n % 50}`));
    for (const each of members) {
      hub.register(each);
      for (let n = 0; n < 10; n += 1) hub.join(each, `c${(Number(each.id.slice(1)) + n) % 70}`);
    }
    expect(hub.counts()).toEqual({ sessions: 500, users: 50, channels: 70, memberships: 5000 });
    const left = members.flatMap((each) => [...hub.unregister(each)]);
    expect(hub.counts()).toEqual({ sessions: 0, users: 0, channels: 0, memberships: 0 });
    expect(new Set(left).size).toBe(70);
    expect(members.every((each) => each.channels.size === 0)).toBe(true);
  });
});
