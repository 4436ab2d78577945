// Contract of what an edge notes: each connection, membership and refused token once, with nothing in it that is nobody's business.
import type { AuditRecord } from "@rookery/broker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { doorRig } from "../door.fixture.ts";
import { createHub } from "../hub.ts";
import { createMembership } from "../membership.ts";
import { ALICE, ALONE, NO_SIGNALS, sessionOn } from "../session.fixture.ts";
import type { Session } from "../session.ts";
import { createConnectionNotes } from "./connection-notes.ts";
import type { ConnectionNotes } from "./connection-notes.ts";

let noted: [user: string, record: AuditRecord][] = [];
let settle: Promise<void> = Promise.resolve();
let node = "edge-1.a";
let notes: ConnectionNotes;
beforeEach(() => {
  noted = [];
  settle = Promise.resolve();
  node = "edge-1.a";
  const trail = { note: (...given: [string, AuditRecord]) => void noted.push(given), settled: () => settle };
  notes = createConnectionNotes({
    trail,
    node: () => node,
    hashAddress: (address) => (address === "" ? "" : `#${address.length}`),
  });
});
afterEach(() => notes.close());

function session(): Session {
  const made = sessionOn({});
  Object.assign(made, { address: "192.0.2.77", client: "Firefox" });
  made.identify(ALICE);
  return made;
}
const bare = { subject: null, channel: null, address: null, reason: null };

describe("an edge notes", () => {
  it("who connects, with the hash of the address and the client", () => {
    notes.opening(NO_SIGNALS.attendance).opened(session());
    const data = { session: "s1", client: "Firefox" };
    expect(noted).toEqual([["alice", { ...bare, kind: "connect", actor: "alice", node, address: "#10", data }]]);
    expect(JSON.stringify(noted)).not.toContain("192.0.2.77");
  });

  it("who goes and how, once whoever says so, and nothing of a socket that never said who it was", () => {
    const exits: number[] = [];
    const door = notes.beside({ ...doorRig().door, exit: (_session, code) => void exits.push(code) });
    const [one, nobody] = [session(), sessionOn({}, "s2")];
    one.channels.add("lobby");
    door.exit(one, 4000);
    door.exit(nobody, 1006);
    expect(exits).toEqual([4000, 1006]);
    const data = { session: "s1", code: 4000, channels: 1 };
    expect(noted).toEqual([
      ["alice", { ...bare, id: "s1.edge-1.a", kind: "disconnect", actor: "alice", node, address: "#10", data }],
    ]);
  });

  it("for a node that died that its connections were cut, by the id that the node itself would have given", async () => {
    await notes.died("edge-2.b", [{ user: "bob", session: "s9", address: "#7" }]);
    expect(noted).toEqual([
      [
        "bob",
        {
          ...bare,
          id: "s9.edge-2.b",
          kind: "disconnect",
          actor: "bob",
          node: "edge-2.b",
          address: "#7",
          data: { session: "s9", code: 1006 },
        },
      ],
    ]);
    settle = new Promise(() => undefined);
    // Whoever clears away after it is not kept waiting by a log that cannot be reached.
    await notes.died("edge-2.b", [{ user: "bob", session: "s9", address: "" }]);
  });

  it("who joins and who leaves, but not who was there or goes with its connection", () => {
    const hub = createHub<Session>();
    const membership = notes.around(
      createMembership({ hub, relays: { release: () => undefined }, entered: ALONE, leavers: [] }),
    );
    const one = session();
    hub.register(one);
    membership.enter(one, "lobby");
    membership.enter(one, "lobby");
    membership.enter(one, "den");
    membership.exit(one, "lobby");
    membership.exit(one, "lobby");
    membership.exitAll(one);
    expect(noted.map(([user, { kind, actor, channel, data }]) => [user, kind, actor, channel, data])).toEqual([
      ["alice", "join", "alice", "lobby", { session: "s1" }],
      ["alice", "join", "alice", "den", { session: "s1" }],
      ["alice", "leave", "alice", "lobby", { session: "s1" }],
    ]);
  });

  it("tokens that were not taken, by address, with their number", () => {
    for (let n = 0; n < 5; n += 1) notes.refused("192.0.2.77", "unauthenticated");
    notes.close();
    expect(noted.map(([, { kind, actor, address, reason, data }]) => [kind, actor, address, reason, data])).toEqual(
      [1, 4].map((count) => ["auth_failure", "node:edge-1.a", "#10", "unauthenticated", { count }]),
    );
  });
});
