import type { ChannelChange, Control } from "@rookery/protocol";
import { expect, test } from "vitest";
import { createActs } from "./acts.ts";

function change(version: number, channel = "lobby"): ChannelChange {
  const record = { version, kind: "public", owner: "ada", slowModeSec: 0, memberCap: null, deleted: false } as const;
  return { kind: "channel", channel, record, entries: [], forgets: false, removal: null };
}

test("a change that is announced again is known with its figure, whatever came in between", () => {
  const acts = createActs();
  acts.acted(change(1), 3);
  acts.acted(change(2), 0);
  expect(acts.closedFor(change(1))).toBe(3);
  expect(acts.closedFor(change(2))).toBe(0);
  expect(acts.closedFor(change(3))).toBeUndefined();
  expect(acts.closedFor(change(1, "other"))).toBeUndefined();
});

test("a notice is told once, a farewell as often as it is ordered", () => {
  const acts = createActs();
  const notice: Control = { kind: "user", user: "ada", frame: '{"type":"notice","id":"n1"}', close: null };
  const farewell: Control = { kind: "user", user: "ada", frame: null, close: { code: 4003, reason: "resync" } };
  acts.acted(notice, 2);
  acts.acted(farewell, 2);
  expect(acts.closedFor(notice)).toBe(2);
  expect(acts.closedFor({ ...notice, user: "bob" })).toBeUndefined();
  expect(acts.closedFor(farewell)).toBeUndefined();
});

test("only the last thousand are kept", () => {
  const acts = createActs();
  for (let version = 1; version <= 1001; version += 1) acts.acted(change(version), 1);
  expect(acts.closedFor(change(1))).toBeUndefined();
  expect(acts.closedFor(change(2))).toBe(1);
});
