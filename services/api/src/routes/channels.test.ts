// Contract of channels over HTTP: who makes, sees and changes them, what may be given, and how lists go on.
import { hashApiKey, newApiKey } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { RECEIPT } from "../fake-acts.fixture.ts";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const path = "/v1/channels";
const UNSET = { slowModeSec: 0, retentionDays: null, memberCap: null, digestAbove: null, countAbove: null };
const ann = await userToken("ann");
const bob = await userToken("bob");

describe("a channel that is made", async () => {
  const { ask, api } = await fakeServer({ channels: ["taken"] });

  it("is the user's who makes it, without settings of its own", async () => {
    const { status, json } = await ask("POST", path, { as: ann, body: { id: "anns", kind: "public" } });
    expect(status).toBe(201);
    const createdAt = expect.any(Number);
    expect(json).toEqual({ id: "anns", kind: "public", name: null, owner: "ann", createdAt, settings: UNSET });
    expect((await ask("GET", `${path}/anns`, { as: bob })).json).toEqual(json);
  });

  it("by a backend is whose it says, with the name and settings that are given", async () => {
    const settings = { digestAbove: 5, countAbove: 20, slowModeSec: 0, retentionDays: null };
    const body = { id: "set", kind: "public", owner: "ann", name: " The\u0007 set ", settings };
    const { json } = await ask("POST", path, { body });
    expect(json).toMatchObject({ owner: "ann", name: "The set", settings: { ...UNSET, ...settings } });
    expect((await ask("POST", path, { body: { id: "servers", kind: "public" } })).json["owner"]).toBe("server");
  });

  it.each<[string, object, string, string]>([
    ["an id that is taken", { id: "taken" }, "conflict", "with this id"],
    ["an id outside the grammar", { id: "-x" }, "invalid", '"id"'],
    ["an id of direct channels", { id: "dm:x" }, "invalid", '"id"'],
    ["no id", { id: undefined }, "bad_frame", '"id" is missing'],
    ["slow mode of more than a day", { settings: { slowModeSec: 86_401 } }, "invalid", '"settings.slowModeSec"'],
    ["a cap of nobody", { settings: { memberCap: 0 } }, "invalid", '"settings.memberCap"'],
    ["no password, of kind password", { kind: "password" }, "bad_frame", '"password" is missing'],
    ["a password, of another kind", { password: "x" }, "invalid", "only a channel of kind password"],
    ["an empty password", { kind: "password", password: "" }, "invalid", '"password"'],
    ["somebody to share it with", { with: "bob" }, "invalid", '"with"'],
    ["no kind there is", { kind: "secret" }, "invalid", '"kind"'],
    ["an owner whom nobody can see", { owner: "\u200b" }, "invalid", '"owner"'],
    ["a name of a wrong type", { name: 5 }, "bad_frame", '"name"'],
    ["settings of a wrong type", { settings: 5 }, "bad_frame", '"settings"'],
    ["a number of members that is text", { settings: { digestAbove: "5" } }, "bad_frame", "a whole number from 1"],
    ["a number that is not whole", { settings: { digestAbove: 1.5 } }, "invalid", '"settings.digestAbove"'],
    ["a number that is too small", { settings: { countAbove: 0 } }, "invalid", '"settings.countAbove"'],
    ["a number that is too large", { settings: { countAbove: 10_000_001 } }, "invalid", '"settings.countAbove"'],
    ["digests from as many as numbers", { settings: { digestAbove: 9, countAbove: 9 } }, "invalid", "below"],
    ["digests only above the default of numbers", { settings: { digestAbove: 1000 } }, "invalid", "(1000)"],
  ])("with %s is refused, and not made", async (_what, fields, code, words) => {
    const before = [...api.channels.rows.values()];
    const { json } = await ask("POST", path, { body: { id: "new", kind: "public", ...fields } });
    expect([json["code"], json["detail"]]).toEqual([code, expect.stringContaining(words)]);
    expect([...api.channels.rows.values()]).toEqual(before);
  });

  it("of any kind keeps its settings, and of a password a hash alone", async () => {
    const settings = { slowModeSec: 5, retentionDays: 30, memberCap: 10 };
    const body = { id: "den", kind: "password", password: "open sesame", settings };
    const { status, json, text } = await ask("POST", path, { as: ann, body });
    expect([status, json]).toMatchObject([201, { kind: "password", owner: "ann", settings }]);
    expect(text).not.toMatch(/sesame|argon/);
    expect(api.acted.at(-1)).toMatchObject([
      "create",
      {
        actor: { kind: "user", user: "ann" },
        wanted: { kind: "password", owner: "ann", given: { ...settings, passwordHash: "argon2 of open sesame" } },
      },
    ]);
  });

  it("is refused while Redis is away, before anything is written", async () => {
    api.away(true);
    const before = api.acted.length;
    const { json } = await ask("POST", path, { as: ann, body: { id: "never", kind: "private" } });
    expect([json["code"], api.acted.length]).toEqual(["unavailable", before]);
    api.away(false);
  });

  it("by a user for another one, or by a key without the scope, is forbidden", async () => {
    const body = { id: "new", kind: "public", owner: "bob" };
    expect((await ask("POST", path, { as: ann, body })).json["code"]).toBe("forbidden");
    const { key } = newApiKey();
    const other = await fakeServer({ keys: { [hashApiKey(key)]: ["publish"] } });
    expect((await other.ask("POST", path, { as: key, body })).json["code"]).toBe("forbidden");
    expect((await other.ask("POST", path, { as: null, body })).json["code"]).toBe("unauthenticated");
  });
});

describe("a channel of two users", async () => {
  const { ask, api } = await fakeServer();

  it("is made by either of them, once: both get the same one", async () => {
    const first = await ask("POST", path, { as: ann, body: { kind: "direct", with: "bob" } });
    expect([first.status, first.json["kind"]]).toEqual([201, "direct"]);
    expect(first.json["id"]).toMatch(/^dm:[A-Za-z0-9_-]{22}$/);
    const second = await ask("POST", path, { as: bob, body: { kind: "direct", with: "ann" } });
    expect([second.status, second.json["id"]]).toEqual([200, first.json["id"]]);
    const backend = await ask("POST", path, { body: { kind: "direct", owner: "bob", with: "ann" } });
    expect([backend.status, backend.json["id"]]).toEqual([200, first.json["id"]]);
    const other = await ask("POST", path, { as: ann, body: { kind: "direct", with: "cid" } });
    expect(other.json["id"]).not.toBe(first.json["id"]);
  });

  it("shows both of them who the other is, and nobody else that it is there", async () => {
    const { json } = await ask("POST", path, { as: ann, body: { kind: "direct", with: "bob" } });
    const id = String(json["id"]);
    const row = { name: null, since: 5, lastSeenAt: null, role: "member" } as const;
    api.memberRows.set(
      id,
      ["ann", "bob"].map((user) => ({ ...row, user })),
    );
    const members = `${path}/${encodeURIComponent(id)}/members`;
    for (const as of [ann, bob]) {
      const seen = await ask("GET", members, { as });
      expect(seen.json).toMatchObject({ members: [{ user: "ann" }, { user: "bob" }] });
    }
    expect((await ask("GET", members, { as: await userToken("cid") })).json["code"]).toBe("not_found");
  });

  it.each<[string, object, string, string]>([
    ["with oneself", { with: "ann" }, "invalid", "of two users"],
    ["with nobody", {}, "bad_frame", '"with" is missing'],
    ["with whom nobody can see", { with: "\u200b" }, "invalid", '"with"'],
    ["under an id of one's own", { with: "bob", id: "ours" }, "invalid", '"id"'],
    ["with settings", { with: "bob", settings: {} }, "invalid", '"settings"'],
    ["with a password", { with: "bob", password: "x" }, "invalid", '"password"'],
    ["of two others", { with: "bob", owner: "cid" }, "forbidden", '"owner"'],
  ])("%s is refused", async (_what, fields, code, words) => {
    const before = api.acted.length;
    const { json } = await ask("POST", path, { as: ann, body: { kind: "direct", ...fields } });
    expect([json["code"], json["detail"]]).toEqual([code, expect.stringContaining(words)]);
    expect(api.acted).toHaveLength(before);
  });

  it("needs an owner where a backend makes it", async () => {
    const { json } = await ask("POST", path, { body: { kind: "direct", with: "bob" } });
    expect([json["code"], json["detail"]]).toEqual(["bad_frame", expect.stringContaining('"owner"')]);
  });
});

describe("a change", async () => {
  const { ask, api } = await fakeServer();
  await ask("POST", path, { as: ann, body: { id: "anns", kind: "public" } });

  it("goes to the database with who makes it; channels in use are told by the new rules, in force with the defaults", async () => {
    const first = await ask("PATCH", `${path}/anns`, { as: ann, body: { settings: { digestAbove: 5 } } });
    expect([first.status, first.json]).toMatchObject([200, { name: null, settings: { ...UNSET, digestAbove: 5 } }]);
    expect(first.json["receipt"]).toEqual(RECEIPT);
    expect(api.acted.at(-1)).toMatchObject([
      "change",
      {
        actor: { kind: "user", user: "ann" },
        channel: "anns",
        given: { digestAbove: 5 },
        defaults: { digestAbove: 100 },
      },
    ]);
    const second = await ask("PATCH", `${path}/anns`, { body: { name: "Ann's", settings: { countAbove: 50 } } });
    expect(second.json).toMatchObject({ name: "Ann's", settings: { ...UNSET, digestAbove: 5, countAbove: 50 } });
    expect(api.acted.at(-1)).toMatchObject(["change", { actor: { kind: "key", name: "bootstrap" } }]);
    expect(api.regulations).toEqual([
      ["anns", { version: 1, digestAbove: 5, countAbove: 1000 }],
      ["anns", { version: 2, digestAbove: 5, countAbove: 50 }],
    ]);
  });

  it("that the database refuses is refused in its words", async () => {
    api.refuseNext("forbidden", "only an owner changes the channel");
    const { status, json } = await ask("PATCH", `${path}/anns`, { as: bob, body: { name: "Bob's" } });
    expect([status, json["code"], json["detail"], json["channel"]]).toEqual([
      403,
      "forbidden",
      "only an owner changes the channel",
      "anns",
    ]);
    expect((await ask("PATCH", `${path}/nowhere`, { as: bob, body: { name: "x" } })).json["code"]).toBe("not_found");
    expect((await ask("GET", `${path}/nowhere`, { as: bob })).json["code"]).toBe("not_found");
  });

  it("of a password is hashed for owners and backends alone, and tells who was evicted", async () => {
    await ask("POST", path, { as: ann, body: { id: "den", kind: "password", password: "old" } });
    api.memberRows.set("den", [{ user: "ann", name: null, role: "owner", since: 1, lastSeenAt: null }]);
    const body = { password: "new", evict: true };
    const { json } = await ask("PATCH", `${path}/den`, { as: ann, body });
    expect(json["receipt"]).toEqual(RECEIPT);
    expect(api.acted.at(-1)).toMatchObject([
      "change",
      { channel: "den", given: { passwordHash: "argon2 of new", evict: true } },
    ]);
    const before = api.acted.length;
    expect((await ask("PATCH", `${path}/den`, { as: bob, body })).json["code"]).toBe("forbidden");
    expect((await ask("PATCH", `${path}/anns`, { body })).json["code"]).toBe("invalid");
    expect((await ask("PATCH", `${path}/nowhere`, { as: bob, body })).json["code"]).toBe("not_found");
    expect(api.acted).toHaveLength(before);
  });

  it("to null brings back the default, against which the rest is held", async () => {
    const settings = { digestAbove: null, countAbove: null };
    const { json } = await ask("PATCH", `${path}/anns`, { body: { name: null, settings } });
    expect(json).toMatchObject({ name: null, settings });
  });

  it("that changes nothing is told to nobody, and tells channels in use again where it is of settings", async () => {
    const version = api.channels.rows.get("anns")?.settingsVersion;
    const told = api.regulations.length;
    expect((await ask("PATCH", `${path}/anns`, { body: {} })).json).not.toHaveProperty("receipt");
    expect((await ask("PATCH", `${path}/anns`, { body: { settings: { ...UNSET } } })).status).toBe(200);
    expect(api.channels.rows.get("anns")?.settingsVersion).toBe(version);
    expect(api.regulations).toHaveLength(told + 1);
  });

  it("that channels in use do not hear of is of unknown outcome, since the settings stand", async () => {
    api.failNextRegulation(new ChatError("unavailable", "away"));
    const { json, status } = await ask("PATCH", `${path}/anns`, { body: { settings: { digestAbove: 7 } } });
    expect([status, json["code"], json["channel"]]).toEqual([504, "unknown", "anns"]);
    expect(api.channels.rows.get("anns")?.digestAbove).toBe(7);
  });
});

describe("a list of channels", async () => {
  const { ask, api } = await fakeServer();
  for (const id of ["a", "b", "c"]) await ask("POST", path, { as: ann, body: { id, kind: "public" } });
  await ask("POST", path, { as: bob, body: { id: "d", kind: "public" } });
  const [hidden] = api.channels.rows.values();
  if (hidden !== undefined) api.channels.rows.set("x", { ...hidden, id: "x", kind: "private", owner: "bob" });
  const listed = async (query: string, as?: string): Promise<string[]> => {
    const { json } = await ask("GET", `${path}?${query}`, as === undefined ? {} : { as });
    const channels: readonly unknown[] = Array.isArray(json["channels"]) ? json["channels"] : [];
    return channels.map((channel) => String(Object(channel)["id"]));
  };

  it("is of the public ones for everybody, else of one's own, or of all for a backend", async () => {
    expect(await listed("kind=public", ann)).toEqual(["a", "b", "c", "d"]);
    const stranger = await ask("GET", `${path}?kind=public`, { as: null });
    expect([stranger.status, stranger.text]).toEqual([200, (await ask("GET", `${path}?kind=public`)).text]);
    expect((await ask("GET", path, { as: null })).json["code"]).toBe("unauthenticated");
    expect((await ask("GET", `${path}?kind=public`, { as: "x.y.z" })).status).toBe(401);
    expect(await listed("", ann)).toEqual(["a", "b", "c"]);
    expect(await listed("kind=private", bob)).toEqual(["x"]);
    expect(await listed("kind=private", ann)).toEqual([]);
    expect(await listed("")).toEqual(["a", "b", "c", "d", "x"]);
  });

  it("goes on with its cursor to the last page, which has none", async () => {
    const pages: unknown[] = [];
    for (let query: string | undefined = ""; query !== undefined;) {
      const { json } = await ask("GET", `${path}?kind=public&limit=2${query}`);
      const { cursor, channels } = json;
      pages.push(Array.isArray(channels) ? channels.length : json);
      query = typeof cursor === "string" ? `&cursor=${cursor}` : undefined;
    }
    expect(pages).toEqual([2, 2]);
  });

  it.each(["cursor=", "cursor=%00", "cursor=LXg", "cursor=YQ==", "cursor=YR", "limit=0", "kind=secret"])(
    "asked for with %s is refused",
    async (query) => {
      expect((await ask("GET", `${path}?${query}`)).json["code"]).toBe("invalid");
    },
  );
});

describe("a channel that is not for everybody", async () => {
  const { ask, api } = await fakeServer();
  for (const kind of ["private", "password", "direct"] as const) api.channels.add({ id: kind, kind, owner: "bob" });
  for (const id of ["private", "password", "direct"]) {
    api.memberRows.set(id, [{ user: "bob", name: null, role: "reader", since: 1, lastSeenAt: null }]);
  }

  it("is shown whole to whoever has a role in it, and to backends", async () => {
    for (const kind of ["private", "password", "direct"]) {
      expect((await ask("GET", `${path}/${kind}`, { as: bob })).json).toMatchObject({ kind, owner: "bob" });
      expect((await ask("GET", `${path}/${kind}`)).json).toMatchObject({ kind, owner: "bob" });
    }
  });

  it("is to others as absent as one that is not there; one with a password shows its name alone", async () => {
    const absent = await ask("GET", `${path}/absent`, { as: ann });
    for (const kind of ["private", "direct"]) {
      const hidden = await ask("GET", `${path}/${kind}`, { as: ann });
      expect([hidden.status, hidden.text]).toEqual([404, absent.text.replaceAll('"absent"', `"${kind}"`)]);
    }
    expect((await ask("GET", `${path}/password`, { as: ann })).json).toEqual({
      id: "password",
      kind: "password",
      name: null,
    });
  });
});

describe("a channel that is deleted", async () => {
  const { ask, api } = await fakeServer({ channels: ["theirs"] });

  it("is answered with who was taken out of it", async () => {
    const { status, json } = await ask("DELETE", `${path}/theirs`, { as: ann });
    expect([status, json]).toEqual([200, { receipt: RECEIPT }]);
    expect(api.acted).toEqual([["delete", { actor: { kind: "user", user: "ann" }, channel: "theirs", partition: 0 }]]);
    api.refuseNext("forbidden", "only an owner deletes the channel");
    expect((await ask("DELETE", `${path}/theirs`, { as: ann })).json["code"]).toBe("forbidden");
  });
});

describe("a channel's members", async () => {
  const { ask, api } = await fakeServer({ channels: ["theirs"] });
  await ask("POST", path, { as: ann, body: { id: "anns", kind: "public" } });
  const row = { name: null, since: 5, lastSeenAt: null } as const;
  api.memberRows.set("theirs", [{ ...row, user: "bob", role: "member" }]);
  api.memberRows.set("anns", [
    { ...row, user: "ann", name: "Ann", role: "owner", lastSeenAt: 9 },
    { ...row, user: "mo", role: "moderator" },
    { ...row, user: "zoe", name: "Zoe", role: "reader", lastSeenAt: 7 },
  ]);
  api.sessions.set("zoe", [{ session: "s", node: "edge-1", since: 1, address: "h", client: "", name: "Zoe" }]);

  it("are listed with role, when they were last seen, and whether they are connected, page by page", async () => {
    const before = Date.now();
    const { json } = await ask("GET", `${path}/anns/members?limit=2`, { as: ann });
    expect(json["members"]).toEqual([
      { user: "ann", name: "Ann", role: "owner", since: 5, lastSeenAt: 9, online: false },
      { user: "mo", name: "mo", role: "moderator", since: 5, lastSeenAt: null, online: false },
    ]);
    const { json: next } = await ask("GET", `${path}/anns/members?limit=2&cursor=${String(json["cursor"])}`);
    expect(next).toMatchObject({ members: [{ user: "zoe", role: "reader", online: true }] });
    expect(next).not.toHaveProperty("cursor");
    expect(Object(Array.isArray(next["members"]) ? next["members"][0] : {})["lastSeenAt"]).toBeGreaterThanOrEqual(
      before,
    );
  });

  it("are for its moderators, its owners and for backends only", async () => {
    expect((await ask("GET", `${path}/anns/members`, { as: bob })).json["code"]).toBe("forbidden");
    expect((await ask("GET", `${path}/theirs/members`, { as: bob })).json["code"]).toBe("forbidden");
    expect((await ask("GET", `${path}/anns/members`, { as: await userToken("mo") })).status).toBe(200);
    expect((await ask("GET", `${path}/nowhere/members`, { as: ann })).json["code"]).toBe("not_found");
    expect((await ask("GET", `${path}/anns/members?cursor=IA`)).json["code"]).toBe("invalid");
  });

  it("are shown one by one", async () => {
    const { json } = await ask("GET", `${path}/anns/members/zoe`, { as: ann });
    expect(json).toMatchObject({ user: "zoe", role: "reader", online: true });
    const nobody = await ask("GET", `${path}/anns/members/bob`, { as: ann });
    expect([nobody.status, nobody.json["channel"]]).toEqual([404, "anns"]);
  });

  it("are given and lose their roles by acts of whoever asks, which answer who heard of it", async () => {
    const member = `${path}/anns/members/bob`;
    expect(await ask("PUT", member, { as: ann, body: { role: "moderator" } })).toMatchObject({
      status: 200,
      json: { user: "bob", role: "moderator", receipt: RECEIPT },
    });
    expect((await ask("DELETE", member, { as: bob })).json).toEqual({ receipt: RECEIPT });
    const act = { channel: "anns", partition: 0, user: "bob" };
    expect(api.acted.slice(-2)).toEqual([
      ["setRole", { ...act, actor: { kind: "user", user: "ann" }, role: "moderator" }],
      ["setRole", { ...act, actor: { kind: "user", user: "bob" }, role: null }],
    ]);
    api.refuseNext("conflict", "the channel would have no owner: make somebody else one first");
    expect((await ask("DELETE", `${path}/anns/members/ann`, { as: ann })).status).toBe(409);
  });

  it.each<[string, object, string]>([
    ["no role", {}, "bad_frame"],
    ["a role of another type", { role: 5 }, "invalid"],
    ["a role that nobody has", { role: "king" }, "invalid"],
  ])("are not given %s", async (_what, body, code) => {
    expect((await ask("PUT", `${path}/anns/members/bob`, { as: ann, body })).json["code"]).toBe(code);
  });
});
