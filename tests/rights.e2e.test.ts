// Who may do what, as clients of two edges meet it: roles on every command, sanctions, what is hidden, passwords and caps.
import { createPasswords } from "@rookery/auth";
import { startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FOR_GOOD, moderationOf } from "./moderation.ts";
import type { Moderation } from "./moderation.ts";
import { UNHURRIED } from "./talk.ts";

let cluster: Cluster;
let moderation: Moderation;
const clients: ChatClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({ edges: 2, set: { ...UNHURRIED, ROOKERY_CHANNELS_AUTO_CREATE: "off" } });
  moderation = await moderationOf(cluster);
});
afterAll(() => Promise.all(clients.map((client) => client.close())));

async function connect(user: string, edge = 0): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  clients.push(client);
  return client;
}

const join = (client: ChatClient, channel: string, password?: string): Promise<Frame> =>
  client.request({ type: "join", channel, ...(password === undefined ? {} : { password }) });
const codeOf = async (answer: Promise<Frame>): Promise<unknown> => {
  const { type, code } = await answer;
  return type === "error" ? code : type;
};

describe("a role", () => {
  const CHANNEL = "roles";
  beforeAll(async () => {
    await moderation.create("private", CHANNEL, "olga");
    await moderation.role(CHANNEL, "mod", "moderator");
    await moderation.role(CHANNEL, "ann", "member");
    await moderation.role(CHANNEL, "ron", "reader");
  });

  it("is told in join, with its rights, and beside those who are present", async () => {
    const users = ["olga", "mod", "ann", "ron"];
    const joined = await Promise.all(users.map(async (user, n) => join(await connect(user, n % 2), CHANNEL)));
    const everybody = ["join", "read", "presence", "history"];
    expect(joined.map(({ role }) => role)).toEqual(["owner", "moderator", "member", "reader"]);
    expect(joined.map(({ can }) => can)).toEqual([
      expect.arrayContaining([...everybody, "write", "react", "moderate", "own"]),
      expect.arrayContaining([...everybody, "write", "react", "moderate"]),
      expect.not.arrayContaining(["moderate"]),
      everybody,
    ]);
    const { members } = await (clients[0] ?? (await connect("olga"))).request({ type: "members", channel: CHANNEL });
    expect(members).toMatchObject([
      ...[
        { user: "ann", role: "member" },
        { user: "mod", role: "moderator" },
      ],
      ...[
        { user: "olga", role: "owner" },
        { user: "ron", role: "reader" },
      ],
    ]);
  });

  it("decides each command: a reader reads, hears and looks around, and leaves nothing behind", async () => {
    const [ann, ron] = [await connect("ann"), await connect("ron", 1)];
    for (const client of [ann, ron]) await client.join(CHANNEL);
    const { id = "", epoch = 0, seq = 0 } = await ann.send(CHANNEL, "to be read");
    const ask = (frame: Frame): Promise<unknown> => codeOf(ron.request({ channel: CHANNEL, ...frame }));
    await ron.waitFor((frame) => frame["id"] === id);
    expect(await ask({ type: "history" })).toBe("ok");
    expect(await ask({ type: "members" })).toBe("ok");
    expect(await ask({ type: "read", epoch, seq })).toBe("ok");
    const kept: Frame[] = [
      { type: "send", clientId: "x1", body: "no" },
      { type: "edit", id, body: "no" },
      { type: "delete", id },
      { type: "react", id, emoji: "👍", on: true },
      { type: "typing", on: true },
    ];
    expect(await Promise.all(kept.map(ask))).toEqual(kept.map(() => "forbidden"));
  });

  it("of a moderator deletes what others said, and a member's does not", async () => {
    const [ann, mod] = [await connect("ann"), await connect("mod", 1)];
    for (const client of [ann, mod]) await client.join(CHANNEL);
    const [mine, theirs] = [await ann.send(CHANNEL, "mine"), await mod.send(CHANNEL, "theirs")];
    expect(await codeOf(ann.change({ type: "delete", channel: CHANNEL, id: String(theirs.id) }))).toBe("forbidden");
    expect(await codeOf(mod.change({ type: "delete", channel: CHANNEL, id: String(mine.id) }))).toBe("ok");
    expect(await codeOf(mod.change({ type: "edit", channel: CHANNEL, id: String(theirs.id), body: "x" }))).toBe("ok");
  });

  it("that does not moderate keeps the channel's pause between its messages", async () => {
    await moderation.create("public", "slow", "olga", { slowModeSec: 60 });
    const [ann, olga] = [await connect("ann"), await connect("olga", 1)];
    for (const client of [ann, olga]) await client.join("slow");
    for (const body of ["one", "two"]) expect(await codeOf(olga.send("slow", body))).toBe("ok");
    expect(await codeOf(ann.send("slow", "one"))).toBe("ok");
    const { code, retryAfterMs } = await ann.send("slow", "two");
    expect([code, Number(retryAfterMs) > 50_000 && Number(retryAfterMs) <= 60_000]).toEqual(["slow_mode", true]);
  });
});

describe("a sanction", () => {
  it("keeps the banned out and the muted silent, and tells both until when", async () => {
    const until = Date.now() + 3_600_000;
    await moderation.create("public", "stern", "olga");
    await moderation.ban("stern", "bob", { untilMs: until, reason: "spam" });
    await moderation.mute("stern", "eve", { untilMs: until, reason: null });
    const [bob, eve] = [await connect("bob"), await connect("eve", 1)];
    expect(await join(bob, "stern")).toMatchObject({ code: "banned", channel: "stern", until });
    expect((await join(eve, "stern"))["can"]).toEqual(["join", "read", "presence", "history"]);
    expect(await eve.send("stern", "hm")).toMatchObject({ code: "muted", channel: "stern", until });
    expect(await codeOf(eve.request({ type: "history", channel: "stern" }))).toBe("ok");
  });

  it("that overtakes a send refuses it, and leaves the order of those after it as it was", async () => {
    await moderation.create("public", "stale", "olga");
    const [ann, bob] = [await connect("ann"), await connect("bob", 1)];
    for (const client of [ann, bob]) await client.join("stale");
    expect(await codeOf(bob.send("stale", "before"))).toBe("ok");
    await moderation.ban("stale", "bob", FOR_GOOD);
    const sends = ["one", "two", "three"];
    const answers = await Promise.all(sends.map((body) => bob.send("stale", body)));
    for (const { code } of answers) expect(["banned", "not_joined"]).toContain(code);
    expect(await Promise.all(sends.map((body) => codeOf(ann.send("stale", body))))).toEqual(["ok", "ok", "ok"]);
    const bodies = () => ann.inOrder("stale").map((frame) => ("body" in frame ? frame.body : ""));
    await expect.poll(bodies).toEqual(["before", ...sends]);
  });
});

describe("a private channel", () => {
  it("is to a stranger what an absent one is, in every frame that may be sent", async () => {
    await moderation.create("private", "secret", "olga");
    const [olga, eve] = [await connect("olga"), await connect("eve", 1)];
    expect(await codeOf(join(olga, "secret"))).toBe("ok");
    const answers = [];
    for (const channel of ["secret", "absent"]) {
      const single = await join(eve, channel, "guess");
      const { results } = await eve.request({ type: "join", joins: [{ channel }, { channel, password: "guess" }] });
      answers.push(JSON.stringify([{ ...single, ref: "" }, results]).replaceAll(channel, "it"));
    }
    expect(answers[0]).toContain("not_found");
    expect(answers[0]).toBe(answers[1]);
  });

  it("lets in whoever was made a member a moment ago", async () => {
    await moderation.create("private", "club", "olga");
    const ann = await connect("ann");
    expect(await codeOf(join(ann, "club"))).toBe("not_found");
    await moderation.role("club", "ann", "member");
    expect(await join(ann, "club")).toMatchObject({ type: "ok", role: "member" });
  });
});

describe("a channel with a password", () => {
  it("makes a member of whoever shows it, on every edge and for good, and refuses a guesser after five tries", async () => {
    const { hash } = createPasswords({ concurrency: 1, waiting: 1 });
    await moderation.create("password", "vault", "olga", { passwordHash: await hash("sesame") });
    const [ann, eve] = [await connect("ann"), await connect("eve", 1)];
    expect(await codeOf(join(ann, "vault"))).toBe("password_required");
    expect(await join(ann, "vault", "sesame")).toMatchObject({ type: "ok", role: "member" });
    expect(await codeOf(ann.send("vault", "inside"))).toBe("ok");
    expect(await codeOf(join(await connect("ann", 1), "vault"))).toBe("ok");
    for (let n = 0; n < 5; n += 1) {
      expect(await codeOf(join(eve, "vault", `guess ${n}`))).toBe("wrong_password");
    }
    const refused = await join(eve, "vault", "sesame");
    expect(refused).toMatchObject({ code: "rate_limited", channel: "vault" });
    expect(Number(refused["retryAfterMs"])).toBeGreaterThan(60_000);
  });

  it("takes it in a join of several too, each with its own", async () => {
    const { hash } = createPasswords({ concurrency: 1, waiting: 1 });
    await moderation.create("password", "vault-a", "olga", { passwordHash: await hash("a") });
    await moderation.create("password", "vault-b", "olga", { passwordHash: await hash("b") });
    const dan = await connect("dan");
    const joins = [{ channel: "vault-a", password: "a" }, { channel: "vault-b", password: "a" }, { channel: "absent" }];
    const { results } = await dan.request({ type: "join", joins });
    expect(results).toMatchObject([{ role: "member" }, { code: "wrong_password" }, { code: "not_found" }]);
  });
});

describe("a cap", () => {
  it("turns away from a full public channel, but for who is there already and who moderates it", async () => {
    await moderation.create("public", "small", "olga", { memberCap: 2 });
    const crowd = await Promise.all(["ann", "bob", "eve", "dan"].map((user, n) => connect(user, n % 2)));
    const answers = await Promise.all(crowd.map((client) => codeOf(join(client, "small"))));
    expect(answers.map(String).toSorted((a, b) => a.localeCompare(b))).toEqual(["ok", "ok", "too_many", "too_many"]);
    const others = await Promise.all(crowd.map(({ user }, n) => connect(user, (n + 1) % 2)));
    expect(await Promise.all(others.map((client) => codeOf(join(client, "small"))))).toEqual(answers);
    expect(await codeOf(join(await connect("olga"), "small"))).toBe("ok");
  });
});
