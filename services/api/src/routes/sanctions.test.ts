// Contract of bans, mutes and kicks over HTTP: whom they are of, what is given of them, and what is answered.
import { hashApiKey, newApiKey } from "@rookery/auth";
import { describe, expect, it } from "vitest";
import { RECEIPT } from "../fake-acts.fixture.ts";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const mo = await userToken("mo");
const bob = await userToken("bob");
const ACTOR = { actor: { kind: "user", user: "mo" }, channel: "lobby", partition: 0 };

const moderator = { user: "mo", name: null, role: "moderator", since: 1, lastSeenAt: null } as const;

describe.each(["ban", "mute"] as const)("a %s", async (kind) => {
  const { ask, api } = await fakeServer({ channels: ["lobby"] });
  api.memberRows.set("lobby", [moderator]);
  const path = `/v1/channels/lobby/${kind}s`;

  it("is given by whoever asks, with its end and reason, and answered as it stands with who heard of it", async () => {
    const before = Date.now();
    const body = { forSec: 60, reason: " spam " };
    const { status, json } = await ask("PUT", `${path}/zoe`, { as: mo, body });
    const [name, act] = api.acted.at(-1) ?? [];
    const { untilMs }: { untilMs?: number } = Object(Object(act)[kind]);
    expect([name, act]).toEqual([kind, { ...ACTOR, user: "zoe", [kind]: { untilMs, reason: "spam" } }]);
    expect(untilMs).toBeGreaterThanOrEqual(before + 60_000);
    const row = { user: "zoe", channel: "lobby", untilMs, reason: "spam", by: "olga", at: 7 };
    expect([status, json]).toEqual([200, { [kind]: row, receipt: RECEIPT }]);
    expect((await ask("GET", `${path}/zoe`, { as: mo })).json).toEqual({ [kind]: row });
  });

  it("is for good where nothing is said, also without a body", async () => {
    await ask("PUT", `${path}/zoe`, { as: mo });
    expect(api.acted.at(-1)?.[1]).toMatchObject({ [kind]: { untilMs: null, reason: null } });
  });

  it("is listed page by page, for moderators and backends", async () => {
    for (const user of ["a", "b", "c"]) await ask("PUT", `${path}/${user}`, { as: mo });
    const { json } = await ask("GET", `${path}?limit=2`, { as: mo });
    expect(json[`${kind}s`]).toMatchObject([{ user: "zoe" }, { user: "a" }]);
    expect(json["cursor"]).toEqual(expect.any(String));
    expect((await ask("GET", path)).status).toBe(200);
    expect((await ask("GET", path, { as: bob })).json["code"]).toBe("forbidden");
    expect((await ask("GET", "/v1/channels/nowhere/bans", { as: mo })).json["code"]).toBe("not_found");
  });

  it("that is lifted is not there any more", async () => {
    expect((await ask("DELETE", `${path}/zoe`, { as: mo })).json).toEqual({ receipt: RECEIPT });
    expect(api.acted.at(-1)).toEqual([kind, { ...ACTOR, user: "zoe", [kind]: null }]);
    const { status, json } = await ask("GET", `${path}/zoe`, { as: mo });
    expect([status, json["channel"]]).toEqual([404, "lobby"]);
  });

  it("that the database refuses is refused in its words, with the channel", async () => {
    api.refuseNext("forbidden", "the user is a moderator: a moderator acts only on lower roles");
    const { json } = await ask("PUT", `${path}/max`, { as: mo, body: {} });
    expect(json).toMatchObject({ code: "forbidden", channel: "lobby", detail: expect.stringContaining("lower roles") });
  });

  it.each<[string, object, string]>([
    ["two ends", { untilMs: 9e12, forSec: 5 }, "invalid"],
    ["an end in the past", { untilMs: 5 }, "invalid"],
    ["an end that is text", { untilMs: "soon" }, "bad_frame"],
    ["no time at all", { forSec: 0 }, "invalid"],
    ["half a second", { forSec: 0.5 }, "invalid"],
    ["more than ten years", { forSec: 315_360_001 }, "invalid"],
    ["a reason that is a number", { reason: 5 }, "bad_frame"],
    ["a reason that is too long", { reason: "x".repeat(257) }, "invalid"],
  ])("with %s is refused, and nothing happens", async (_what, body, code) => {
    const before = api.acted.length;
    expect((await ask("PUT", `${path}/zoe`, { as: mo, body })).json["code"]).toBe(code);
    expect(api.acted).toHaveLength(before);
  });

  it("of what can be no user is refused", async () => {
    expect((await ask("PUT", `${path}/%20zoe`, { as: mo })).json["code"]).toBe("invalid");
    expect((await ask("DELETE", `${path}/%E2%80%8B`, { as: mo })).json["code"]).toBe("invalid");
  });
});

describe("a kick", async () => {
  const { key } = newApiKey();
  const { ask, api } = await fakeServer({ channels: ["lobby"], keys: { [hashApiKey(key)]: ["moderate"] } });

  it("takes a user out, with a reason, and nothing more", async () => {
    const { status, json } = await ask("POST", "/v1/channels/lobby/kicks/zoe", { as: mo, body: { reason: "calm" } });
    expect([status, json]).toEqual([200, { receipt: RECEIPT }]);
    expect(api.acted).toEqual([["kick", { ...ACTOR, user: "zoe", reason: "calm" }]]);
  });

  it("by a backend is one of its key, which needs the scope", async () => {
    await ask("POST", "/v1/channels/lobby/kicks/zoe", { as: key });
    expect(api.acted.at(-1)?.[1]).toMatchObject({ actor: { kind: "key", name: "fake" }, reason: null });
    const other = await fakeServer({ keys: { [hashApiKey(key)]: ["publish"] } });
    expect((await other.ask("POST", "/v1/channels/lobby/kicks/zoe", { as: key })).json["code"]).toBe("forbidden");
  });

  it("is unavailable while Redis is away, and then nobody was kicked", async () => {
    api.away(true);
    const before = api.acted.length;
    expect((await ask("POST", "/v1/channels/lobby/kicks/zoe")).json["code"]).toBe("unavailable");
    expect(api.acted).toHaveLength(before);
    api.away(false);
  });
});
