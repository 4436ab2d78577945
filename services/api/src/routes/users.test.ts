// Contract of what is told of a user: oneself, or anybody for an admin's key; nothing of others.
import { newApiKey } from "@rookery/auth";
import { expect, it } from "vitest";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const { key, hash } = newApiKey();
const { ask, api } = await fakeServer({ keys: { [hash]: ["channels", "moderate", "publish", "tokens"] } });
const ann = await userToken("ann", "Ann");
const session = { session: "s1", node: "edge-1.a", since: 50, address: "9f", client: "node", name: "Ann of now" };
api.userRows.set("bob", { id: "bob", name: "Bob", firstSeenAt: 3, lastSeenAt: 9 });

it("a user who is away is as last seen, without sessions", async () => {
  const { status, json } = await ask("GET", "/v1/users/bob");
  const seen = { firstSeenAt: 3, lastSeenAt: 9 };
  expect([status, json]).toEqual([200, { user: "bob", name: "Bob", ...seen, online: false, sessions: [] }]);
});

it("a user who is connected is last seen now, and has sessions, the longest first", async () => {
  api.userRows.set("eve", { id: "eve", name: "Eve", firstSeenAt: 3, lastSeenAt: 9 });
  api.sessions.set("eve", [
    { ...session, since: 60 },
    { ...session, session: "s0" },
  ]);
  const before = Date.now();
  const { json } = await ask("GET", "/v1/users/eve");
  const { name: _name, ...shown } = session;
  const sessions = [
    { ...shown, session: "s0" },
    { ...shown, since: 60 },
  ];
  expect(json).toMatchObject({ name: "Eve", firstSeenAt: 3, online: true, sessions });
  expect(json["lastSeenAt"]).toBeGreaterThanOrEqual(before);
  expect(JSON.stringify(json)).not.toContain("Ann of now");
});

it("oneself is known from the first connection on, before anything is written", async () => {
  expect((await ask("GET", "/v1/users/ann", { as: ann })).json["code"]).toBe("not_found");
  api.sessions.set("ann", [session]);
  const { json } = await ask("GET", "/v1/users/ann", { as: ann });
  expect(json).toMatchObject({ user: "ann", name: "Ann of now", firstSeenAt: 50, online: true });
});

it("others are hidden from users, whether they are there or not, and from keys without the scope", async () => {
  const [there, absent] = [
    await ask("GET", "/v1/users/bob", { as: ann }),
    await ask("GET", "/v1/users/no", { as: ann }),
  ];
  expect(there.status).toBe(404);
  expect(there.text).toBe(absent.text);
  expect((await ask("GET", "/v1/users/bob", { as: key })).json["code"]).toBe("forbidden");
  expect((await ask("GET", "/v1/users/nobody")).json["code"]).toBe("not_found");
});

it.each(["%20a", "a%00", "%E2%80%8B", "a".repeat(129), "%F0%9F%98%80".repeat(33)])("%s is no user id", async (id) => {
  expect((await ask("GET", `/v1/users/${id}`)).json["code"]).toBe("invalid");
});

it("an id with signs of its own is taken whole", async () => {
  api.userRows.set("a/b c?", { id: "a/b c?", name: "x", firstSeenAt: 1, lastSeenAt: 2 });
  expect((await ask("GET", `/v1/users/${encodeURIComponent("a/b c?")}`)).json["user"]).toBe("a/b c?");
});
