// Moderation by HTTP with people on three edges: what a backend or a moderator does is in force on every edge when it is
// answered, the receipt is true, and everybody concerned is told.
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ edges: 3, set: { ROOKERY_PRESENCE_GRACE_MS: "0" } });
});
afterAll(() => cluster?.stop());

type Json = Readonly<Record<string, unknown>>;

/** As the backend, or with the token of `user`. */
async function ask(method: string, path: string, body?: object, user?: string): Promise<Json> {
  const credential = user === undefined ? cluster.ready.apiKey : cluster.token(user);
  const answer = await fetch(new URL(path, cluster.ready.api), {
    method,
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json: Json = Object(await answer.json());
  return json;
}

async function connect(user: string, edge: number): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  onTestFinished(() => client.close());
  return client;
}

const everywhere = (user: string): Promise<ChatClient[]> => Promise.all([0, 1, 2].map((edge) => connect(user, edge)));
const confirmed = (sessionsClosed: number): Json => ({
  nodes: { confirmed: 3, expected: 3, missing: [] },
  sessionsClosed,
  ms: expect.any(Number),
});
const isRemoved =
  (channel: string, code: string) =>
  (frame: Frame): boolean =>
    frame.type === "removed" && frame.channel === channel && frame.code === code;

it("a private channel is hidden until one is let in; a ban takes out every session at once, and none comes back in", async () => {
  await ask("POST", "/v1/channels", { id: "staff", kind: "private" }, "ann");
  const bobs = await everywhere("bob");
  const [first] = bobs;
  expect(await first?.join("staff")).toMatchObject({ type: "error", code: "not_found" });
  expect(await ask("PUT", "/v1/channels/staff/members/bob", { role: "member" }, "ann")).toMatchObject({
    role: "member",
    receipt: { nodes: { confirmed: 3, missing: [] } },
  });
  const ann = await connect("ann", 1);
  expect(await ann.join("staff")).toMatchObject({ role: "owner" });
  for (const bob of bobs) expect(await bob.join("staff")).toMatchObject({ type: "ok", role: "member" });
  expect(await first?.send("staff", "hello")).toMatchObject({ type: "ok" });

  const { ban, receipt } = await ask("PUT", "/v1/channels/staff/bans/bob", { forSec: 600, reason: "spam" }, "ann");
  expect(ban).toMatchObject({ user: "bob", channel: "staff", reason: "spam", by: "ann" });
  expect(receipt).toEqual(confirmed(3));
  const { untilMs }: { untilMs?: number } = Object(ban);
  for (const bob of bobs) {
    const told = await bob.waitFor(isRemoved("staff", "banned"));
    expect(told).toMatchObject({ until: untilMs, reason: "spam" });
    expect(await bob.join("staff")).toMatchObject({ type: "error", code: "banned", until: untilMs });
  }
  expect(await ann.send("staff", "he is gone")).toMatchObject({ type: "ok" });
  expect(await first?.send("staff", "am I?")).toMatchObject({ type: "error" });

  expect(await ask("DELETE", "/v1/channels/staff/bans/bob", undefined, "ann")).toEqual({ receipt: confirmed(0) });
  expect(await first?.join("staff")).toMatchObject({ type: "error", code: "not_found" });
  for (const bob of bobs) expect(bob.inOrder("staff").some((frame) => frame["body"] === "he is gone")).toBe(false);
});

it("a mute is told with its end and leaves everything but writing; a kick takes out whoever may come in again", async () => {
  await ask("POST", "/v1/channels", { id: "hall", kind: "public" }, "ann");
  const bobs = await everywhere("bob2");
  for (const bob of bobs) await bob.join("hall");
  const { mute, receipt } = await ask("PUT", "/v1/channels/hall/mutes/bob2", { forSec: 600 }, "ann");
  expect(receipt).toMatchObject({ nodes: { confirmed: 3, expected: 3 } });
  const { untilMs }: { untilMs?: number } = Object(mute);
  for (const bob of bobs) {
    await bob.waitFor((frame) => frame.type === "rights" && frame["mutedUntil"] === untilMs);
    expect(await bob.send("hall", "mmh")).toMatchObject({ type: "error", code: "muted", until: untilMs });
  }
  await ask("DELETE", "/v1/channels/hall/mutes/bob2", undefined, "ann");
  expect(await bobs[2]?.send("hall", "thanks")).toMatchObject({ type: "ok" });

  expect(await ask("POST", "/v1/channels/hall/kicks/bob2", { reason: "calm down" }, "ann")).toEqual({
    receipt: confirmed(3),
  });
  for (const bob of bobs) {
    expect(await bob.waitFor(isRemoved("hall", "kicked"))).toMatchObject({ reason: "calm down" });
    expect(await bob.join("hall")).toMatchObject({ type: "ok" });
  }
  expect(await ask("POST", "/v1/channels/hall/kicks/ann", {}, "bob2")).toMatchObject({ code: "forbidden" });
});

it("a channel with a password lets in who shows it, as members; a new one evicts them where it shall", async () => {
  await ask("POST", "/v1/channels", { id: "den", kind: "password", password: "open sesame" }, "ann");
  const bob = await connect("bob3", 0);
  const cid = await connect("cid3", 2);
  expect(await bob.join("den")).toMatchObject({ type: "error", code: "password_required" });
  expect(await bob.join("den", { password: "open barley" })).toMatchObject({ type: "error", code: "wrong_password" });
  for (const one of [bob, cid])
    expect(await one.join("den", { password: "open sesame" })).toMatchObject({ role: "member" });
  expect(await ask("GET", "/v1/channels/den", undefined, "eve3")).toEqual({ id: "den", kind: "password", name: null });
  expect(await ask("PATCH", "/v1/channels/den", { password: "another" }, "ann")).toMatchObject({
    receipt: confirmed(0),
  });
  expect(await bob.send("den", "still here")).toMatchObject({ type: "ok" });
  const changed = await ask("PATCH", "/v1/channels/den", { password: "a third", evict: true }, "ann");
  expect(changed["receipt"]).toEqual(confirmed(2));
  for (const one of [bob, cid]) {
    await one.waitFor(isRemoved("den", "password_changed"));
    expect(await one.join("den")).toMatchObject({ code: "password_required" });
  }
  expect(await bob.join("den", { password: "a third" })).toMatchObject({ role: "member" });
});

it("two users have one direct channel, on whichever edge, and nobody else has", async () => {
  const { id } = await ask("POST", "/v1/channels", { kind: "direct", with: "bob4" }, "ann4");
  const channel = String(id);
  const [ann, bob, cid] = [await connect("ann4", 0), await connect("bob4", 1), await connect("cid4", 2)];
  for (const one of [ann, bob]) expect(await one.join(channel)).toMatchObject({ type: "ok", role: "member" });
  await ann.send(channel, "psst");
  await bob.waitFor((frame) => frame.type === "message" && frame["body"] === "psst");
  expect(await cid.join(channel)).toMatchObject({ type: "error", code: "not_found" });
});

it("a deleted channel is left by everybody, told why, and is not found from then on", async () => {
  await ask("POST", "/v1/channels", { id: "doomed", kind: "public" }, "ann");
  const people = await everywhere("bob5");
  for (const one of people) await one.join("doomed");
  expect(await ask("DELETE", "/v1/channels/doomed", undefined, "ann")).toEqual({ receipt: confirmed(3) });
  for (const one of people) {
    await one.waitFor(isRemoved("doomed", "deleted"));
    expect(await one.join("doomed")).toMatchObject({ type: "error", code: "not_found" });
  }
  expect(await ask("POST", "/v1/channels", { id: "doomed", kind: "public" })).toMatchObject({ code: "conflict" });
});

it("a ban everywhere closes every connection with 4503 and keeps the user from the api, until it is lifted", async () => {
  const mals = await everywhere("mal");
  expect(await ask("PUT", "/v1/users/mal/ban", { reason: "spam" })).toMatchObject({ receipt: confirmed(3) });
  for (const mal of mals) expect(await mal.closed).toMatchObject({ code: 4503 });
  expect(await ask("GET", "/v1/channels?kind=public", undefined, "mal")).toMatchObject({ code: "banned" });
  await ask("DELETE", "/v1/users/mal/ban");
  expect(await ask("GET", "/v1/channels?kind=public", undefined, "mal")).toHaveProperty("channels");
  await connect("mal", 1);
});

it("a notice reaches every connection of a user and says how many; a farewell closes them all", async () => {
  const bobs = await everywhere("bob6");
  const { id, sessions } = await ask("POST", "/v1/users/bob6/notices", { body: "shipped", meta: { order: 7 } });
  expect(sessions).toBe(3);
  for (const bob of bobs) {
    const told = await bob.waitFor((frame) => frame.type === "notice");
    expect(told).toMatchObject({ id, body: "shipped", meta: { order: 7 }, at: expect.any(Number) });
  }
  expect(await ask("POST", "/v1/users/bob6/disconnect", {})).toEqual({ receipt: confirmed(3) });
  for (const bob of bobs) expect(await bob.closed).toMatchObject({ code: 4003 });
  expect(await ask("POST", "/v1/users/bob6/notices", { body: "again" })).toMatchObject({ sessions: 0 });
});

it("revoking a user closes what lives by older tokens, and lets in with a newer one", async () => {
  const eves = await everywhere("eve");
  expect(await ask("POST", "/v1/revocations", { user: "eve" })).toEqual({ receipt: confirmed(3) });
  for (const eve of eves) expect(await eve.closed).toMatchObject({ code: 4403 });
  await eventually(async () => (await connect("eve", 0)).welcome().type === "welcome");
});
