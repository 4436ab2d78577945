// Contract of judging: what a record and an entry let a user do, at a moment of Redis' clock.
import { ChatError, CHANNEL_KINDS } from "@rookery/protocol";
import type { AccessEntry, ChannelRecord, Right } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { allowed, isHidden, NO_ENTRY, standingOf } from "./judge.ts";

const record = (over: Partial<ChannelRecord> = {}): ChannelRecord => ({
  ...{ version: 7, kind: "public", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false },
  ...over,
});
const entry = (over: Partial<AccessEntry>): AccessEntry => ({ ...NO_ENTRY, ...over });
const judge = (over: Partial<ChannelRecord>, own: Partial<AccessEntry>, right: Right, nowMs = 1000) =>
  allowed(standingOf("lobby", record(over), entry(own), nowMs), "lobby", right);
const sanction = (untilMs: number | null) => ({ untilMs, reason: null });

describe("whoever has no entry", () => {
  it("is a member of a public channel", () => {
    expect(judge({}, {}, "write")).toMatchObject({ role: "member", version: 7, mutedUntilMs: undefined });
  });

  it("is asked for the password of one that has a password, and told nothing of any other", () => {
    const codes = CHANNEL_KINDS.map((kind) => {
      const found = judge({ kind }, {}, "join");
      return found instanceof ChatError ? found.code : found.role;
    });
    expect(codes).toEqual(["member", "not_found", "password_required", "not_found"]);
  });
});

describe("a channel that was deleted", () => {
  it("is hidden from everybody, its owner and the banned too, in the words for one that never was", () => {
    for (const own of [{}, { role: "owner" }, { ban: sanction(null) }] as const) {
      const found = judge({ deleted: true }, own, "history");
      expect(found).toMatchObject({ code: "not_found", message: "no such channel", details: { channel: "lobby" } });
      expect(found instanceof ChatError && isHidden(found)).toBe(true);
    }
  });
});

describe("a ban", () => {
  it("refuses everything until it ends, and then nothing", () => {
    const ban = sanction(1001);
    expect(judge({}, { ban }, "read")).toMatchObject({ code: "banned", details: { channel: "lobby", until: 1001 } });
    expect(judge({}, { ban }, "write", 1001)).toMatchObject({ role: "member" });
  });

  it("for good tells no end, and is told of a private channel too", () => {
    const found = judge({ kind: "private" }, { ban: sanction(null) }, "join");
    expect(found).toMatchObject({ code: "banned" });
    expect(found instanceof ChatError && "until" in found.details).toBe(false);
  });
});

describe("a mute", () => {
  it("takes write and react until it ends, and leaves the rest", () => {
    const mute = sanction(1001);
    for (const right of ["write", "react"] as const) {
      expect(judge({}, { mute }, right)).toMatchObject({ code: "muted", details: { until: 1001 } });
      expect(judge({}, { mute }, right, 1001)).toMatchObject({ mutedUntilMs: undefined });
    }
    expect(judge({}, { mute }, "read")).toMatchObject({ can: ["join", "read", "presence", "history"] });
    expect(judge({}, { mute: sanction(null) }, "read")).toMatchObject({ mutedUntilMs: null });
  });
});

describe("a role", () => {
  it("lets in everywhere, and gives what the table of roles says", () => {
    for (const kind of CHANNEL_KINDS)
      expect(judge({ kind }, { role: "reader" }, "history")).toMatchObject({ role: "reader" });
    expect(judge({}, { role: "reader" }, "write")).toMatchObject({ code: "forbidden", details: { channel: "lobby" } });
    expect(judge({}, { role: "moderator" }, "own")).toMatchObject({ code: "forbidden" });
    expect(judge({}, { role: "owner" }, "own")).toMatchObject({ role: "owner" });
  });

  it("has to keep the channel's pause, unless it moderates", () => {
    const slow = { slowModeSec: 5 };
    const pauses = [{}, { role: "member" }, { role: "moderator" }, { role: "owner" }] as const;
    expect(pauses.map((own) => judge(slow, own, "write"))).toMatchObject([
      { slowModeMs: 5000 },
      { slowModeMs: 5000 },
      { slowModeMs: 0 },
      { slowModeMs: 0 },
    ]);
  });
});

describe("a cap", () => {
  it("of a public channel holds for whoever does not moderate it, and of any other is no matter of those present", () => {
    const capOf = (over: Partial<ChannelRecord>, own: Partial<AccessEntry>) => {
      const found = judge({ memberCap: 9, ...over }, own, "join");
      return found instanceof ChatError ? found.code : found.presentCap;
    };
    expect([capOf({}, {}), capOf({}, { role: "reader" }), capOf({}, { role: "moderator" })]).toEqual([9, 9, undefined]);
    expect([capOf({ kind: "private" }, { role: "member" }), capOf({ memberCap: null }, {})]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
