// Contract of the one question whether somebody may do a thing in a channel.
import { ChatError } from "@rookery/protocol";
import type { Right } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createRights } from "./rights.ts";

const MEMBER = { role: "member", can: ["join", "read", "write", "react", "presence", "history"], version: 3 };

function fakeRights({ autoCreate = false, channels = ["lobby"], maxChannels = 10 } = {}) {
  const existing = new Set(channels);
  const calls: string[] = [];
  const now = { version: 3, postgres: undefined as unknown, redis: undefined as unknown };
  const call = async <Answer>(text: string, trouble: unknown, answer: () => Answer): Promise<Answer> => {
    calls.push(text);
    if (trouble !== undefined) throw trouble;
    return answer();
  };
  const rights = createRights({
    channels: {
      existing: (ids) =>
        call(`find ${ids.join(" ")}`, now.postgres, () => new Set(ids.filter((id) => existing.has(id)))),
      ensurePublic: (ids, owner) =>
        call(`create ${ids.join(" ")} for ${owner}`, now.postgres, () => ids.forEach((id) => existing.add(id))),
    },
    version: (channel) => call(`version ${channel}`, now.redis, () => now.version),
    partitionOf: (channel) => (channel.startsWith("far") ? 9 : 1),
    autoCreate,
    maxChannels,
  });
  return { rights, calls, now };
}

const asked = (user: string, channel: string, right: Right) => ({ user, channel, right });
const away = (): ChatError => new ChatError("unavailable", "away");

describe("rights", () => {
  it("grant in a channel that is there, with the version of its rights", async () => {
    const { rights } = fakeRights();
    expect(await rights.cached(asked("ann", "lobby", "write"))).toEqual(MEMBER);
  });

  it("say not_found of a channel that is not there", async () => {
    const { rights, calls } = fakeRights();
    await expect(rights.cached(asked("ann", "attic", "write"))).rejects.toMatchObject({
      code: "not_found",
      details: { channel: "attic" },
    });
    expect(calls).toEqual(["find attic"]);
  });

  it.each<Right>(["join", "write"])(
    "make a channel for whoever first asks to %s, where channels make themselves",
    async (right) => {
      const { rights, calls } = fakeRights({ autoCreate: true });
      await rights.cached(asked("ann", "attic", right));
      await rights.cached(asked("bob", "attic", right));
      expect(calls).toEqual(["create attic for ann", "version attic"]);
    },
  );

  it("make no channel for a reader, who finds it empty, and remember nothing of it", async () => {
    const { rights, calls } = fakeRights({ autoCreate: true });
    await rights.cached(asked("ann", "attic", "history"));
    expect(calls).toEqual(["find attic", "version attic"]);
    await rights.cached(asked("ann", "attic", "write"));
    expect(calls).toContain("create attic for ann");
  });

  it("keep direct channels hidden, however channels are made, and ask nobody about them", async () => {
    for (const autoCreate of [true, false]) {
      const { rights, calls } = fakeRights({ autoCreate, channels: ["dm:x"] });
      for (const right of ["join", "write", "history"] as const) {
        await expect(rights.cached(asked("ann", "dm:x", right))).rejects.toMatchObject({ code: "not_found" });
      }
      expect(calls).toEqual([]);
    }
  });

  it("answer from the cache in the same turn", async () => {
    const { rights } = fakeRights();
    await rights.cached(asked("ann", "lobby", "join"));
    expect(rights.cached(asked("ann", "lobby", "write"))).toEqual(MEMBER);
  });

  it("ask nobody again about a channel they know, also while Postgres is away", async () => {
    const { rights, calls, now } = fakeRights();
    await rights.cached(asked("ann", "lobby", "history"));
    now.postgres = away();
    await rights.cached(asked("bob", "lobby", "write"));
    expect(calls).toEqual(["find lobby", "version lobby"]);
    await expect(rights.cached(asked("bob", "attic", "write"))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("read only the version again when fresh ones are asked for, and remember what they found", async () => {
    const { rights, calls, now } = fakeRights();
    await rights.cached(asked("ann", "lobby", "write"));
    now.version = 4;
    expect(await rights.fresh(asked("ann", "lobby", "write"))).toEqual({ ...MEMBER, version: 4 });
    expect(calls).toEqual(["find lobby", "version lobby", "version lobby"]);
    expect(rights.cached(asked("ann", "lobby", "write"))).toEqual({ ...MEMBER, version: 4 });
  });

  it("find a channel that is not remembered when fresh ones are asked for", async () => {
    const { rights, calls } = fakeRights();
    await rights.fresh(asked("ann", "lobby", "write"));
    expect(calls).toEqual(["find lobby", "version lobby"]);
  });

  it("take a lower version from a Redis that counts anew", async () => {
    const { rights, now } = fakeRights();
    await rights.cached(asked("ann", "lobby", "write"));
    now.version = 0;
    await rights.fresh(asked("ann", "lobby", "write"));
    expect(rights.cached(asked("ann", "lobby", "write"))).toEqual({ ...MEMBER, version: 0 });
  });

  it("keep what they know when it cannot be read again", async () => {
    const { rights, now } = fakeRights();
    await rights.cached(asked("ann", "lobby", "write"));
    now.redis = away();
    await expect(rights.fresh(asked("ann", "lobby", "write"))).rejects.toMatchObject({ code: "unavailable" });
    expect(rights.cached(asked("ann", "lobby", "write"))).toEqual(MEMBER);
  });

  it("remember no more channels than they may, and forget the longest known first", async () => {
    const { rights, calls } = fakeRights({ channels: ["a", "b", "c"], maxChannels: 2 });
    for (const channel of ["a", "b", "a", "c", "b", "a"]) await rights.cached(asked("ann", channel, "write"));
    expect(calls.filter((call) => call.startsWith("find"))).toEqual(["find a", "find b", "find c", "find a"]);
  });

  it("forget nothing for a channel that is remembered already", async () => {
    const { rights, calls } = fakeRights({ channels: ["a", "b"], maxChannels: 2 });
    for (const channel of ["a", "b"]) await rights.cached(asked("ann", channel, "write"));
    await rights.fresh(asked("ann", "b", "write"));
    await rights.cached(asked("ann", "a", "write"));
    expect(calls.filter((call) => call === "find a")).toHaveLength(1);
  });
});

describe("rights in several channels", () => {
  const seeker = { user: "ann", right: "join" } as const;

  it("are found in one question, each with its own answer, in order", async () => {
    const { rights, calls } = fakeRights({ channels: ["a", "c"] });
    const answers = await rights.cachedAll(seeker, ["a", "b", "c", "dm:x"]);
    expect(answers).toMatchObject([
      MEMBER,
      { code: "not_found", details: { channel: "b" } },
      MEMBER,
      { code: "not_found", details: { channel: "dm:x" } },
    ]);
    expect(calls).toEqual(["find a b c", "version a", "version c"]);
  });

  it("make all that are missing at once, where channels make themselves", async () => {
    const { rights, calls } = fakeRights({ autoCreate: true });
    expect(await rights.cachedAll(seeker, ["lobby", "attic"])).toEqual([MEMBER, MEMBER]);
    expect(calls).toEqual(["create lobby attic for ann", "version lobby", "version attic"]);
  });

  it("are asked for only where they are not known", async () => {
    const { rights, calls } = fakeRights({ channels: ["a", "b"] });
    await rights.cachedAll(seeker, ["a"]);
    calls.length = 0;
    await rights.cachedAll(seeker, ["a", "b"]);
    await rights.cachedAll(seeker, ["a", "b"]);
    expect(calls).toEqual(["find b", "version b"]);
  });

  it("share one failure where Postgres is away, and stand where they are known", async () => {
    const { rights, now } = fakeRights({ channels: ["a", "b", "c"] });
    await rights.cached(asked("ann", "a", "join"));
    const reason = away();
    now.postgres = reason;
    const answers = await rights.cachedAll(seeker, ["a", "b", "c"]);
    expect(answers[0]).toEqual(MEMBER);
    expect(answers[1]).toBe(reason);
    expect(answers[2]).toBe(reason);
  });

  it("fail each by itself where a version cannot be read", async () => {
    const { rights, now } = fakeRights({ channels: ["a", "b"] });
    await rights.cached(asked("ann", "a", "join"));
    now.redis = away();
    expect(await rights.cachedAll(seeker, ["a", "b"])).toMatchObject([MEMBER, { code: "unavailable" }]);
  });

  it("answer an error also when a store fails with something else", async () => {
    const { rights, now } = fakeRights();
    now.postgres = "no reason";
    expect(await rights.cachedAll(seeker, ["lobby"])).toMatchObject([{ cause: "no reason" }]);
  });

  it("read the version again, and nothing else, once changes may have been missed in the channel's partition", async () => {
    const { rights, calls, now } = fakeRights({ channels: ["lobby", "far"] });
    for (const channel of ["lobby", "far"]) await rights.cached(asked("ann", channel, "write"));
    calls.length = 0;
    Object.assign(now, { version: 4, postgres: away() });
    rights.doubt(1);
    expect(await rights.cached(asked("ann", "lobby", "write"))).toEqual({ ...MEMBER, version: 4 });
    expect(rights.cached(asked("ann", "far", "write"))).toEqual(MEMBER);
    expect(rights.cached(asked("ann", "lobby", "write"))).toMatchObject({ version: 4 });
    rights.doubt(9);
    expect(await rights.cachedAll({ user: "ann", right: "join" }, ["lobby", "far"])).toMatchObject([
      { version: 4 },
      { version: 4 },
    ]);
    expect(calls).toEqual(["version lobby", "version far"]);
  });

  it("do not believe what was on its way when changes may have been missed", async () => {
    const { rights, calls } = fakeRights();
    const reading = rights.cached(asked("ann", "lobby", "write"));
    await new Promise((resolve) => setImmediate(resolve));
    await reading;
    const again = rights.fresh(asked("ann", "lobby", "write"));
    rights.doubt(1);
    await again;
    expect(rights.cached(asked("ann", "lobby", "write"))).toBeInstanceOf(Promise);
    expect(calls.filter((call) => call.startsWith("find"))).toEqual(["find lobby"]);
  });
});
