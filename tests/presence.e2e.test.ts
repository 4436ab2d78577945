import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

const GRACE_MS = 700;
/** Above the time in which anything here is told by itself. */
const TOLD = { withinMs: 8_000 };

let cluster: Cluster;
/** Of a test each, so that nobody is still in a channel of another. */
let named = 0;

beforeAll(async () => {
  const set = {
    ROOKERY_PRESENCE_GRACE_MS: String(GRACE_MS),
    ROOKERY_DIGEST_ABOVE: "4",
    ROOKERY_COUNT_ABOVE: "6",
  };
  cluster = await startCluster({ edges: 2, set });
});
afterAll(() => cluster?.stop());

async function connect(user: string, edge = 0): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  onTestFinished(() => client.close());
  return client;
}

function newChannel(): string {
  named += 1;
  return `present-${named}`;
}

/** Whoever came and went as this client was told, in order. */
function comings(client: ChatClient, channel: string): string[] {
  const told = client.frames.filter((frame) => frame.channel === channel && ["joined", "left"].includes(frame.type));
  return told.map(({ type, user = "", online }) => `${user} ${type}, ${String(online)} there`);
}

const presenceIn = (client: ChatClient, channel: string): Frame[] =>
  client.frames.filter((frame) => frame.channel === channel && frame.type === "presence");

const typingIn = (client: ChatClient, channel: string): string[] =>
  client.frames
    .filter((frame) => frame.channel === channel && frame.type === "typing")
    .map(({ user = "", on }) => `${user} ${on === true ? "on" : "off"}`);

/** What was announced before has been told, since all of a channel comes in one order. */
async function caughtUp(speaker: ChatClient, channel: string, listeners: readonly ChatClient[]): Promise<void> {
  const { id } = await speaker.send(channel, "are you there?");
  await Promise.all(listeners.map((each) => each.waitFor((frame) => frame.type === "message" && frame.id === id)));
}

async function sumOf(metric: string): Promise<number> {
  const all = await Promise.all(["edge-1", "edge-2"].map((name) => cluster.metrics(name)));
  return all.reduce((sum, each) => sum + (each.get(`rookery_edge_${metric}`) ?? 0), 0);
}

/** Resolves once nobody is kept present by a grace any more, that of this client included. */
async function closeForGood(client: ChatClient): Promise<void> {
  const before = await sumOf("connections");
  await client.close();
  await eventually(async () => (await sumOf("connections")) < before, { ...TOLD, what: "an edge that knows it" });
  await gracesOver();
}

const gracesOver = (): Promise<unknown> =>
  eventually(async () => (await sumOf("graces")) === 0, { ...TOLD, what: "the end of all graces" });

async function onlineIn(client: ChatClient, channel: string): Promise<unknown> {
  return (await client.request({ type: "members", channel })).online;
}

describe("a user", () => {
  it("is told with the first connection and with the last, to everybody but that connection", async () => {
    const channel = newChannel();
    const [ann, bob] = [await connect("ann"), await connect("bob", 1)];
    expect(await ann.join(channel)).toMatchObject({ online: 1, mode: "full" });
    expect(await bob.join(channel)).toMatchObject({ online: 2, mode: "full" });
    await ann.waitFor((frame) => frame.type === "joined" && frame.user === "bob");
    await caughtUp(ann, channel, [bob]);
    expect([comings(ann, channel), comings(bob, channel)]).toEqual([["bob joined, 2 there"], []]);
    await bob.close();
    await ann.waitFor((frame) => frame.type === "left", TOLD);
    expect(comings(ann, channel)).toEqual(["bob joined, 2 there", "bob left, 1 there"]);
    expect(await onlineIn(ann, channel)).toBe(1);
  });

  it("who leaves is told after the grace, and who comes back within it is not told at all, here or elsewhere", async () => {
    const channel = newChannel();
    const [ann, bob] = [await connect("ann"), await connect("bob", 1)];
    await ann.join(channel);
    await bob.join(channel);
    await bob.leave(channel);
    await bob.join(channel);
    const back = await connect("bob", 0);
    const closed = closeForGood(bob);
    expect(await back.join(channel)).toMatchObject({ online: 2 });
    await closed;
    await caughtUp(back, channel, [ann]);
    expect(comings(ann, channel)).toEqual(["bob joined, 2 there"]);
    await back.leave(channel);
    await ann.waitFor((frame) => frame.type === "left", TOLD);
    expect(comings(ann, channel)).toEqual(["bob joined, 2 there", "bob left, 1 there"]);
  });

  it("with two devices is one, until both are gone", async () => {
    const channel = newChannel();
    const [ann, phone] = [await connect("ann"), await connect("bob", 0)];
    await ann.join(channel);
    await phone.join(channel);
    const desk = await connect("bob", 1);
    expect(await desk.join(channel)).toMatchObject({ online: 2 });
    await closeForGood(phone);
    await caughtUp(desk, channel, [ann]);
    expect([comings(ann, channel), await onlineIn(ann, channel)]).toEqual([["bob joined, 2 there"], 2]);
    await desk.close();
    await ann.waitFor((frame) => frame.type === "left", TOLD);
  });

  it("is the same number in every answer: of a join, of several, of a repeated one, of members", async () => {
    const [channel, other] = [newChannel(), newChannel()];
    const [ann, bob] = [await connect("ann"), await connect("bob", 1)];
    await ann.join(channel);
    const joins = await bob.request({ type: "join", joins: [{ channel }, { channel: other }, { channel }] });
    expect(joins.results).toMatchObject([{ online: 2 }, { online: 1 }, { online: 2 }]);
    expect(await ann.request({ type: "join", channel })).toMatchObject({ type: "ok", online: 2, mode: "full" });
    expect([await onlineIn(ann, channel), await onlineIn(bob, channel)]).toEqual([2, 2]);
  });
});

describe("members", () => {
  it("are those present, by user, with names and roles, in pages to the end", async () => {
    const channel = newChannel();
    const users = ["Zoë", "ann", "bob", "é-last"];
    const clients = await Promise.all(users.map((user, n) => connect(user, n % 2)));
    for (const client of clients.toReversed()) await client.join(channel);
    const [zoe] = clients;
    const whole = await zoe?.request({ type: "members", channel });
    const roles = ["member", "member", "member", "owner"];
    expect(whole).toMatchObject({
      ...{ type: "ok", channel, online: 4 },
      members: users.map((user, n) => ({ user, name: user, role: roles[n] })),
    });
    expect(whole).not.toHaveProperty("cursor");
    const paged: unknown[] = [];
    for (let cursor: unknown, page = 0; page === 0 || cursor !== undefined; page += 1) {
      const more: Frame = cursor === undefined ? { type: "members" } : { type: "members", cursor };
      const answer = await zoe?.request({ ...more, channel, limit: 3 });
      paged.push(answer?.["members"]);
      cursor = answer?.["cursor"];
    }
    expect(paged).toMatchObject([users.slice(0, 3).map((user) => ({ user })), [{ user: "é-last" }]]);
  });

  it("are refused for a channel one is not in, and for a cursor that is none of it", async () => {
    const [channel, other] = [newChannel(), newChannel()];
    const ann = await connect("ann");
    await ann.join(channel);
    await ann.join(other);
    const bob = await connect("bob");
    await bob.join(other);
    const foreign = await ann.request({ type: "members", channel: other, limit: 1 });
    const ask = async (more: object): Promise<unknown> =>
      (await ann.request({ type: "members", channel, ...more })).code;
    expect(await ask({ cursor: "rubbish" })).toBe("invalid");
    expect(await ask({ cursor: foreign["cursor"] })).toBe("invalid");
    expect(await ask({ cursor: "" })).toBe("invalid");
    expect(await ask({ limit: 0 })).toBe("invalid");
    expect(await ask({ channel: newChannel() })).toBe("not_joined");
    expect(await onlineIn(ann, channel)).toBe(1);
  });
});

describe("typing", () => {
  async function pair(): Promise<{ channel: string; ann: ChatClient; bob: ChatClient }> {
    const channel = newChannel();
    const [ann, bob] = [await connect("ann"), await connect("bob", 1)];
    await ann.join(channel);
    await bob.join(channel);
    return { channel, ann, bob };
  }

  it("is told to the others and not to whoever types, and ends with what is sent, by leaving and by going", async () => {
    const { channel, ann, bob } = await pair();
    const type = (client: ChatClient, on: boolean): Promise<Frame> => client.request({ type: "typing", channel, on });
    expect(await type(bob, true)).toMatchObject({ type: "ok" });
    expect(await ann.waitFor(({ type: kind }) => kind === "typing")).toMatchObject({
      user: "bob",
      name: "bob",
      on: true,
      ttlMs: 6000,
    });
    await type(bob, false);
    await eventually(() => expect(typingIn(ann, channel)).toEqual(["bob on", "bob off"]), TOLD);
    const ends: (() => Promise<unknown>)[] = [
      () => bob.send(channel, "said"),
      () => bob.leave(channel),
      () => bob.close(),
    ];
    for (const [n, end] of ends.entries()) {
      if (n > 0) await bob.join(channel);
      await type(bob, true);
      await eventually(() => expect(typingIn(ann, channel).at(-1)).toBe("bob on"), TOLD);
      await end();
      await eventually(() => expect(typingIn(ann, channel)).toHaveLength(2 * (n + 2)), TOLD);
      expect(typingIn(ann, channel).at(-1)).toBe("bob off");
    }
    expect(typingIn(bob, channel)).toEqual([]);
  });

  it("is told to whoever joins meanwhile, with the time that is left, and of nobody who has stopped", async () => {
    const { channel, ann, bob } = await pair();
    await bob.request({ type: "typing", channel, on: true });
    await ann.waitFor(({ type }) => type === "typing");
    const cyd = await connect("cyd", 0);
    const from = cyd.frames.length;
    await cyd.join(channel);
    const told = await cyd.waitFor(({ type }) => type === "typing", { from });
    expect(told).toMatchObject({ user: "bob", on: true, channel });
    expect(told["ttlMs"]).toBeLessThanOrEqual(6000);
    expect(cyd.frames.findIndex(({ type }) => type === "typing")).toBeGreaterThan(
      cyd.frames.findIndex(({ type, ref }) => type === "ok" && ref !== undefined),
    );
    await bob.request({ type: "typing", channel, on: false });
    await eventually(() => typingIn(ann, channel).at(-1) === "bob off");
    const dan = await connect("dan", 0);
    await dan.join(channel);
    await caughtUp(ann, channel, [dan]);
    expect(typingIn(dan, channel)).toEqual([]);
  });

  it("is told to whoever joins on an edge that did not listen to the channel yet", async () => {
    const channel = newChannel();
    const [ann, bob] = [await connect("ann"), await connect("bob", 1)];
    await ann.join(channel);
    await ann.request({ type: "typing", channel, on: true });
    await bob.join(channel);
    expect(await bob.waitFor(({ type }) => type === "typing")).toMatchObject({ user: "ann", on: true, channel });
    await ann.request({ type: "typing", channel, on: false });
    await eventually(() => typingIn(bob, channel).at(-1) === "ann off", TOLD);
  });

  it("is refused to whoever has not joined", async () => {
    const ann = await connect("ann");
    const answer = await ann.request({ type: "typing", channel: newChannel(), on: true });
    expect(answer).toMatchObject({ type: "error", code: "not_joined" });
  });

  it("by the thousand costs whoever sends it, and delays nobody's message", async () => {
    const { channel, ann, bob } = await pair();
    const storm = await connect("storm");
    await storm.join(channel);
    const answers = Array.from({ length: 10_000 }, (_, n) =>
      storm.request({ type: "typing", channel, on: n % 2 === 0 }).then(
        ({ code }) => code,
        () => "cut",
      ),
    );
    for (let n = 0; n < 20; n += 1) {
      const { id, type } = await bob.send(channel, `message ${n}`);
      expect(type).toBe("ok");
      await ann.waitFor((frame) => frame.type === "message" && frame.id === id, { withinMs: 2_000 });
    }
    const codes = await Promise.all(answers);
    expect(codes.filter((code) => code === undefined).length).toBeLessThan(100);
    expect(new Set(codes)).toEqual(new Set([undefined, "rate_limited", "cut"]));
    expect(await storm.closed).toMatchObject({ code: 4006 });
    expect(typingIn(ann, channel).length).toBeLessThan(40);
  });
});

describe("a channel that grows", () => {
  it("is told in digests, then as a number, each change at once, and by name again when it has shrunk", async () => {
    const channel = newChannel();
    const ann = await connect("ann");
    await ann.join(channel);
    const others: ChatClient[] = [];
    const grow = async (): Promise<Frame> => {
      const next = await connect(`other-${others.length + 1}`, others.length % 2);
      others.push(next);
      return next.join(channel);
    };
    for (let n = 0; n < 3; n += 1) expect(await grow()).toMatchObject({ mode: "full" });
    expect(await grow()).toMatchObject({ mode: "digest", online: 5 });
    const digest = await ann.waitFor(({ type }) => type === "presence");
    expect(digest).toMatchObject({
      online: 5,
      mode: "digest",
      joined: [{ user: "other-4", name: "other-4" }],
      left: [],
    });
    expect(comings(ann, channel)).toHaveLength(3);
    expect(await grow()).toMatchObject({ mode: "digest" });
    expect(await grow()).toMatchObject({ mode: "count", online: 7 });
    const count = await ann.waitFor(({ type, mode }) => type === "presence" && mode === "count");
    expect(count).toEqual({ type: "presence", channel, online: 7, mode: "count" });
    expect((await ann.request({ type: "typing", channel, on: true })).type).toBe("ok");
    for (const each of others.splice(1)) await each.close();
    const full = await ann.waitFor(({ type, mode }) => type === "presence" && mode === "full", TOLD);
    expect(full).not.toHaveProperty("joined");
    const told = (): Frame | undefined =>
      ann.frames.findLast((frame) => frame.channel === channel && "online" in frame);
    await eventually(() => expect(told()?.online).toBe(2), TOLD);
    expect(await onlineIn(ann, channel)).toBe(2);
    expect(typingIn(others[0] ?? ann, channel)).toEqual([]);
    expect(await grow()).toMatchObject({ mode: "full", online: 3 });
    await eventually(() => expect(comings(ann, channel).at(-1)).toMatch(/joined, 3 there/), TOLD);
    expect(presenceIn(ann, channel).length).toBeLessThan(10);
  });
});
