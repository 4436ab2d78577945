// The whole client without a socket, with a test as its edge: what an application is promised, and what a client of ours has
// done wrong once and must not again.
import { describe, expect, it } from "vitest";
import { createFakeStorage, joinedOf, messageOf, refusalOf, settled, startScene } from "./fake-world.fixture.ts";
import type { Scene, SceneOptions } from "./fake-world.fixture.ts";
import type { RookeryError } from "./errors.ts";
import type { Channel, ChannelOptions } from "./public-channel.ts";

/** What became of a promise so far. */
function watch(promise: Promise<unknown>): { outcome: unknown } {
  const watched: { outcome: unknown } = { outcome: "none yet" };
  promise.then(
    (value) => void (watched.outcome = value),
    (error: RookeryError) => void (watched.outcome = error.code ?? error),
  );
  return watched;
}

/** Joined and caught up. */
async function liveIn(
  options: SceneOptions = {},
  how?: ChannelOptions,
): Promise<Scene & { readonly channel: Channel }> {
  const scene = startScene(options);
  const channel = scene.client.channel("lobby", how);
  await scene.open();
  await scene.joined();
  return { ...scene, channel };
}

const OK = { channel: "lobby", id: "m9", epoch: 1, seq: 9, at: 900 };

describe("a client", () => {
  it("knows who it is by the time that it says it is open", async () => {
    const scene = startScene();
    const told: unknown[] = [];
    scene.client.on("state", ({ state }) => void told.push([state, scene.client.me()]));
    expect(scene.client.me()).toBeUndefined();
    await scene.open();
    expect(told).toEqual([["open", { user: "ann", name: "ann" }]]);
  });

  it("joins its channels in one frame of at most a hundred, and those asked for later in another", async () => {
    const scene = startScene();
    for (let n = 0; n < 102; n += 1) scene.client.channel(`c${n}`);
    await scene.open();
    expect(scene.take("join")).toMatchObject({ joins: { length: 100 } });
    expect(scene.take("join")).toMatchObject({ joins: [{ channel: "c100" }, { channel: "c101" }] });
    scene.client.channel("later", { password: "sesame" });
    await settled();
    expect(scene.take("join")).toMatchObject({ joins: [{ channel: "later", password: "sesame" }] });
    expect(scene.client.channel("later")).toBe(scene.client.channel("later"));
  });

  it("keeps no channel out for another one that cannot be joined", async () => {
    const scene = startScene();
    const [good, bad, slow] = ["good", "bad", "slow"].map((id) => scene.client.channel(id));
    await scene.open();
    await scene.refuse(scene.take("join"), refusalOf("invalid"));
    for (const id of ["good", "bad", "slow"]) {
      const asked = scene.take("join");
      expect(asked).toMatchObject({ joins: [{ channel: id }] });
      if (id === "good") await scene.ok(asked, { results: [joinedOf(id)] });
      else if (id === "bad") await scene.refuse(asked, refusalOf("invalid"));
      else await scene.ok(asked, { results: [refusalOf("rate_limited", "later", { retryAfterMs: 70 })] });
    }
    expect([good, bad, slow].map((channel) => channel?.state().phase)).toEqual(["live", "out", "joining"]);
    await scene.clock.pass(70);
    await scene.joined({}, "slow");
    expect(slow?.state().phase).toBe("live");
  });

  it("tells of a channel that it is kept out of, and joins it anew when it is asked for again", async () => {
    const scene = await liveIn();
    const out: string[] = [];
    scene.channel.on("out", ({ code }) => void out.push(code));
    const waiting = watch(scene.channel.send("hello"));
    await scene.hear({ type: "removed", channel: "lobby", code: "kicked", reason: "enough" });
    expect(out).toEqual(["kicked"]);
    expect(waiting.outcome).toBe("kicked");
    await expect(scene.channel.ready()).rejects.toMatchObject({ code: "kicked", message: "enough" });
    await expect(scene.channel.edit("m1", "x")).rejects.toMatchObject({ code: "kicked" });
    const again = scene.client.channel("lobby");
    expect(again).not.toBe(scene.channel);
    await settled();
    await scene.joined();
    await again.ready();
  });

  it("leaves: says so, settles what waits, and hears no more of it", async () => {
    const scene = await liveIn();
    const waiting = [scene.channel.send("hello"), scene.channel.members(), scene.channel.send("behind")].map(watch);
    const items = scene.channel.messages();
    scene.channel.leave();
    scene.channel.leave();
    await settled();
    expect(waiting.map(({ outcome }) => outcome)).toEqual(["left", "left", "left"]);
    expect(scene.waiting("leave")).toBe(1);
    expect(await items.next()).toEqual({ value: undefined, done: true });
    await scene.hear(messageOf(1));
    expect(scene.channel.state().messages).toEqual([]);
  });

  it("settles every promise when it is closed, and every one that is asked for afterwards", async () => {
    const scene = await liveIn();
    const other = scene.client.channel("other");
    const sent = scene.channel.send("hello");
    const accepted = scene.channel.send("accepted");
    await scene.ok(scene.take("send"), OK);
    const waiting = [sent.persisted, accepted, accepted.persisted, other.ready(), scene.channel.history()].map(watch);
    scene.client.close();
    await settled();
    expect(scene.client.state()).toBe("closed");
    expect(waiting.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => "closed"));
    const late = scene.client.channel("late");
    const asked = [
      scene.channel.send("x"),
      late.ready(),
      late.members(),
      late.send("x"),
      other.read({ epoch: 1, seq: 1 }),
    ];
    const outcomes = asked.map(watch);
    await settled();
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => "closed"));
    await scene.clock.pass(120_000);
    expect(scene.world.dialled).toHaveLength(1);
  });

  it("delivers nothing and dials nothing after a close in the middle of waiting", async () => {
    const scene = await liveIn();
    const heard: unknown[] = [];
    scene.channel.on("event", (item) => void heard.push(item));
    await scene.cut();
    expect(scene.client.state()).toBe("waiting");
    scene.client.close();
    await scene.clock.pass(60_000);
    await scene.hear(messageOf(1));
    expect(scene.world.dialled).toHaveLength(1);
    expect(heard).toEqual([]);
  });

  it("does not go on as somebody else", async () => {
    const scene = await liveIn();
    const waiting = watch(scene.channel.send("mine"));
    await scene.cut();
    await scene.clock.pass(250);
    await scene.open("mallory");
    expect(scene.client.state()).toBe("closed");
    expect(waiting.outcome).toBe("closed");
    expect(scene.client.me()?.user).toBe("ann");
  });

  it("keeps what one listener throws from the others and from itself", async () => {
    const scene = await liveIn();
    const heard: number[] = [];
    const thrown: unknown[] = [];
    const catcher = (error: unknown): void => void thrown.push(error);
    process.on("uncaughtException", catcher);
    const others = process.listeners("uncaughtException").filter((each) => each !== catcher);
    for (const each of others) process.off("uncaughtException", each);
    scene.channel.on("event", () => {
      throw new Error("the application's");
    });
    for (const n of [1, 2]) scene.channel.on("event", () => void heard.push(n));
    await scene.hear(messageOf(1));
    await new Promise((resolve) => setTimeout(resolve));
    process.off("uncaughtException", catcher);
    for (const each of others) process.on("uncaughtException", each);
    expect(heard).toEqual([1, 2]);
    expect(thrown).toMatchObject([{ message: "the application's" }]);
    expect(scene.channel.state().messages).toHaveLength(1);
  });

  it("tells of a notice, of an error that answers nothing", async () => {
    const scene = await liveIn();
    const heard: unknown[] = [];
    scene.client.on("notice", ({ body }) => void heard.push(body));
    const stop = scene.client.on("error", (error) => void heard.push(error));
    await scene.hear({ type: "notice", id: "n", body: "maintenance at noon", at: 1 });
    await scene.hear({ ...refusalOf("bad_frame"), type: "error" });
    stop();
    await scene.hear({ ...refusalOf("bad_frame"), type: "error" });
    expect(heard).toMatchObject(["maintenance at noon", { code: "bad_frame" }]);
    expect(heard).toHaveLength(2);
  });
});

describe("sending", () => {
  it("resolves with its position at `ok`, and its `persisted` when Postgres has it", async () => {
    const scene = await liveIn();
    const sent = scene.channel.send("hello", { replyTo: "m1", meta: { mood: "fine" } });
    const asked = scene.take("send");
    expect(asked).toMatchObject({ clientId: sent.clientId, body: "hello", replyTo: "m1", meta: { mood: "fine" } });
    expect(scene.channel.state().pending).toMatchObject([{ clientId: sent.clientId, status: "sending" }]);
    await scene.ok(asked, OK);
    expect(await sent).toEqual({ channel: "lobby", id: "m9", clientId: sent.clientId, epoch: 1, seq: 9, at: 900 });
    expect(scene.channel.state().pending).toEqual([]);
    await scene.hear({ type: "persisted", channel: "lobby", epoch: 1, seq: 8 });
    const saved = watch(sent.persisted);
    await settled();
    expect(saved.outcome).toBe("none yet");
    await scene.hear({ type: "persisted", channel: "lobby", epoch: 1, seq: 10 });
    expect(saved.outcome).toEqual({ epoch: 1, seq: 9 });
  });

  it("waits for a session where there is none, in its order", async () => {
    const scene = startScene();
    const channel = scene.client.channel("lobby");
    const sent = ["one", "two"].map((body) => channel.send(body));
    await scene.open();
    expect(scene.waiting("send")).toBe(0);
    await scene.joined();
    for (const [n, { clientId }] of sent.entries()) {
      expect(scene.waiting("send")).toBe(1);
      await scene.ok(scene.take("send"), { ...OK, clientId, seq: n + 1 });
    }
    expect((await Promise.all(sent)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it("names each message by itself, without what pages on plain http do not have", async () => {
    const scene = await liveIn();
    const prototype: object = Object.getPrototypeOf(crypto);
    const has = Object.getOwnPropertyDescriptor(prototype, "randomUUID");
    Object.defineProperty(prototype, "randomUUID", { value: undefined, configurable: true });
    const ids = Array.from({ length: 200 }, () => scene.channel.send("x").clientId);
    if (has !== undefined) Object.defineProperty(prototype, "randomUUID", has);
    expect(new Set(ids).size).toBe(200);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });

  it("repeats what is `unknown` by itself, word for word, and folds the duplicate", async () => {
    const scene = await liveIn();
    const sent = scene.channel.send("hello");
    const first = scene.take("send");
    await scene.refuse(first, refusalOf("unknown", "later"));
    await scene.clock.pass(250);
    const second = scene.take("send");
    expect({ ...second, ref: "" }).toEqual({ ...first, ref: "" });
    await scene.ok(second, { ...OK, clientId: sent.clientId, duplicate: true });
    expect(await sent).toMatchObject({ seq: 9 });
  });

  it("waits as long as a limit asks for, and lets nothing past in that channel", async () => {
    const scene = await liveIn();
    const sent = [scene.channel.send("one"), scene.channel.send("two")].map(watch);
    await scene.refuse(scene.take("send"), refusalOf("rate_limited", "later", { retryAfterMs: 700 }));
    await scene.clock.pass(699);
    expect(scene.waiting("send")).toBe(0);
    await scene.clock.pass(1);
    const again = scene.take("send");
    expect(again).toMatchObject({ body: "one" });
    await scene.ok(again, { ...OK, seq: 1 });
    const behind = scene.take("send");
    expect(behind).toMatchObject({ body: "two" });
    await scene.ok(behind, { ...OK, seq: 2 });
    expect(sent.map(({ outcome }) => outcome)).toMatchObject([{ seq: 1 }, { seq: 2 }]);
  });

  it("is not said twice by a wait and by a new session", async () => {
    const scene = await liveIn();
    scene.channel.send("one").catch(() => undefined);
    await scene.refuse(scene.take("send"), refusalOf("rate_limited", "later", { retryAfterMs: 700 }));
    await scene.cut();
    await scene.clock.pass(250);
    await scene.open();
    await scene.joined({ recovered: true });
    scene.take("send");
    await scene.clock.pass(1_000);
    expect(scene.waiting("send")).toBe(0);
  });

  it("is not said again where its wait was given up", async () => {
    const scene = await liveIn();
    const abort = new AbortController();
    const sent = watch(scene.channel.send("one", { signal: abort.signal }));
    await scene.refuse(scene.take("send"), refusalOf("rate_limited", "later", { retryAfterMs: 700 }));
    abort.abort("enough");
    await scene.clock.pass(1_000);
    expect([sent.outcome, scene.waiting("send")]).toEqual(["enough", 0]);
  });

  it("gives up what fails inside the cluster again and again", async () => {
    const scene = await liveIn();
    const sent = watch(scene.channel.send("cursed"));
    for (let n = 0; n < 6; n += 1) {
      await scene.refuse(scene.take("send"), refusalOf("internal", "later"));
      await scene.clock.pass(5_000);
      await scene.hear({ type: "pong", at: 0 });
    }
    expect([sent.outcome, scene.waiting("send")]).toEqual(["internal", 0]);
  });

  it("rejects a refusal that stays with what it says, shows it as failed until it is forgotten, and goes on", async () => {
    const scene = await liveIn();
    const sent = scene.channel.send("hello");
    const next = scene.channel.send("next");
    await scene.refuse(scene.take("send"), refusalOf("muted", "never", { until: 99 }));
    await expect(sent).rejects.toMatchObject({ name: "RookeryError", code: "muted", retry: "never", until: 99 });
    await expect(sent.persisted).rejects.toMatchObject({ code: "muted" });
    await scene.ok(scene.take("send"), { ...OK, clientId: next.clientId });
    await next;
    expect(scene.channel.state().pending).toMatchObject([{ status: "failed", error: { code: "muted" } }]);
    expect(scene.channel.forget(sent.clientId)).toBe(true);
    expect(scene.channel.forget(sent.clientId)).toBe(false);
    expect(scene.channel.state().pending).toEqual([]);
  });

  it("does not say what is over the limits, and goes on with what is behind it", async () => {
    const scene = await liveIn();
    const long = scene.channel.send("é".repeat(8_500));
    const next = scene.channel.send("next");
    await expect(long).rejects.toMatchObject({ code: "too_large", retry: "never" });
    expect(scene.take("send")).toMatchObject({ clientId: next.clientId });
  });

  it("gives up what ends one session after another, instead of doing so without end", async () => {
    const scene = await liveIn();
    const sent = watch(scene.channel.send("poison"));
    const next = scene.channel.send("next");
    for (let n = 0; n < 5; n += 1) {
      expect(scene.take("send")).toMatchObject({ body: "poison" });
      await scene.cut(1006);
      while (scene.client.state() === "waiting") await scene.clock.pass(50);
      await scene.open();
      await scene.joined({ recovered: true });
    }
    expect(sent.outcome).toBe("unknown");
    expect(scene.take("send")).toMatchObject({ clientId: next.clientId });
  });

  it("survives any number of sessions that end with a word", async () => {
    const scene = await liveIn();
    const sent = watch(scene.channel.send("patient"));
    for (let n = 0; n < 9; n += 1) {
      scene.take("send");
      await scene.hear({ type: "reconnect", afterMs: 10, code: 4000 });
      await scene.clock.pass(10);
      await scene.open();
      await scene.joined({ recovered: true });
    }
    await scene.ok(scene.take("send"), OK);
    expect(sent.outcome).toMatchObject({ seq: 9 });
  });

  it("typed just after the token's end is repeated with a fresh one", async () => {
    const scene = await liveIn();
    const sent = watch(scene.channel.send("late"));
    await scene.refuse(scene.take("send"), refusalOf("token_expired", "after_auth"));
    expect(scene.world.counts.fetched).toBe(2);
    scene.connection.token("t2");
    expect(scene.world.said.at(-1)).toMatchObject({ type: "auth", token: "t2" });
    await scene.clock.pass(250);
    await scene.ok(scene.take("send"), OK);
    expect(sent.outcome).toMatchObject({ seq: 9 });
  });

  it("takes its own message in the channel for the answer that was lost", async () => {
    const scene = await liveIn();
    const sent = scene.channel.send("hello");
    scene.take("send");
    await scene.cut();
    await scene.clock.pass(250);
    await scene.open();
    const own = messageOf(1, { user: "ann", clientId: sent.clientId });
    await scene.joined({ recovered: true, messages: [own] });
    expect(await sent).toEqual({ channel: "lobby", id: "m1", clientId: sent.clientId, epoch: 1, seq: 1, at: 1 });
    const repeat = scene.take("send");
    expect(repeat).toMatchObject({ clientId: sent.clientId });
    await scene.ok(repeat, { ...OK, seq: 1, duplicate: true });
    await scene.hear({ type: "persisted", channel: "lobby", epoch: 1, seq: 1 });
    expect(await sent.persisted).toEqual({ epoch: 1, seq: 1 });
  });

  it("is not taken for another's message of the same clientId", async () => {
    const scene = await liveIn();
    const sent = watch(scene.channel.send("hello"));
    const { clientId } = scene.take("send");
    await scene.hear(messageOf(1, { user: "bob", clientId }));
    expect(sent.outcome).toBe("none yet");
  });

  it("is persisted over a reconnect: by what the join knows, or by a repeat that makes it this session's", async () => {
    const scene = await liveIn();
    const [one, two] = [scene.channel.send("one"), scene.channel.send("two")];
    await scene.ok(scene.take("send"), { ...OK, seq: 1 });
    await scene.ok(scene.take("send"), { ...OK, seq: 2 });
    await scene.cut();
    await scene.clock.pass(250);
    await scene.open();
    await scene.joined({ recovered: true, saved: { epoch: 1, seq: 1 } });
    expect(await one.persisted).toEqual({ epoch: 1, seq: 1 });
    const repeat = scene.take("send");
    expect(repeat).toMatchObject({ clientId: two.clientId });
    await scene.ok(repeat, { ...OK, seq: 2, duplicate: true });
    await scene.hear({ type: "persisted", channel: "lobby", epoch: 1, seq: 2 });
    expect(await two.persisted).toEqual({ epoch: 1, seq: 2 });
    expect(scene.waiting("send")).toBe(0);
    const three = scene.channel.send("three");
    await scene.ok(scene.take("send"), { ...OK, seq: 5, clientId: three.clientId });
    await scene.hear(messageOf(5));
    await scene.ok(scene.take("history"), { channel: "lobby", messages: [messageOf(3), messageOf(4)], more: false });
    expect(scene.channel.state().phase).toBe("live");
    expect(scene.waiting("send")).toBe(0);
  });

  it("rejects its `persisted` when a failover took it back", async () => {
    const scene = await liveIn();
    const sent = scene.channel.send("one");
    await scene.ok(scene.take("send"), { ...OK, seq: 4 });
    for (let seq = 1; seq <= 4; seq += 1) await scene.hear(messageOf(seq));
    const at = (seq: number) => ({ epoch: 1, seq });
    await scene.hear({ type: "gap", channel: "lobby", from: at(4), to: at(4), lost: true });
    await expect(sent.persisted).rejects.toMatchObject({ code: "lost" });
    expect(scene.channel.state().messages.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it.each([
    ["stands still", 0, true],
    ["jumps ahead", 3_600_000, false],
    ["jumps back", -3_600_000, false],
  ])(
    "in doubt is repeated only while its clientId is surely known: the time of day %s",
    async (_, jumpMs, isRepeated) => {
      const scene = await liveIn();
      const sent = watch(scene.channel.send("hello"));
      scene.take("send");
      await scene.cut();
      scene.clock.setTime(scene.clock.timeMs() + jumpMs);
      await scene.clock.pass(250);
      await scene.open();
      await scene.joined({ messages: [messageOf(500)] });
      expect(scene.waiting("send")).toBe(isRepeated ? 1 : 0);
      expect(sent.outcome).toBe(isRepeated ? "none yet" : "unknown");
    },
  );

  it("is repeated at any time where the channel shows that it is not there", async () => {
    const scene = await liveIn();
    scene.channel.send("hello").catch(() => undefined);
    scene.take("send");
    await scene.cut();
    scene.clock.setTime(scene.clock.timeMs() + 3_600_000);
    await scene.clock.pass(250);
    await scene.open();
    await scene.joined({ recovered: true });
    expect(scene.waiting("send")).toBe(1);
  });
});

describe("an AbortSignal", () => {
  const asks: Record<string, (channel: Channel, signal: AbortSignal) => Promise<unknown>> = {
    send: (channel, signal) => channel.send("x", { signal }),
    edit: (channel, signal) => channel.edit("m1", "x", { signal }),
    delete: (channel, signal) => channel.delete("m1", { signal }),
    react: (channel, signal) => channel.react("m1", "👍", true, { signal }),
    read: (channel, signal) => channel.read({ epoch: 1, seq: 1 }, { signal }),
    older: (channel, signal) => channel.older({ signal }),
    history: (channel, signal) => channel.history({ signal }),
    members: (channel, signal) => channel.members({ signal }),
  };

  it.each(Object.keys(asks))("ends %s: with its reason, without a repeat, with its turn for the next", async (name) => {
    const scene = await liveIn();
    const abort = new AbortController();
    const asked = asks[name]?.(scene.channel, abort.signal);
    const behind = scene.channel.send("behind");
    abort.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
    await scene.cut();
    await scene.clock.pass(250);
    await scene.open();
    await scene.joined({ recovered: true });
    expect(scene.world.said.at(-1)).toMatchObject({ type: "send", clientId: behind.clientId });
    expect(scene.channel.state().pending).toHaveLength(1);
  });

  it.each(Object.keys(asks))("that was aborted before keeps %s from being said", async (name) => {
    const scene = await liveIn();
    const { length } = scene.world.said;
    await expect(asks[name]?.(scene.channel, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
    expect(scene.world.said).toHaveLength(length);
    expect(scene.channel.state().pending).toEqual([]);
  });

  it("ends a wait to be joined, and a stream", async () => {
    const scene = startScene();
    const channel = scene.client.channel("lobby");
    const abort = new AbortController();
    const items = channel.messages({ signal: abort.signal });
    const waiting = [channel.ready({ signal: abort.signal }), items.next()].map((each) =>
      expect(each).rejects.toThrow("no"),
    );
    abort.abort(new Error("no"));
    await Promise.all(waiting);
    expect(await items.next()).toEqual({ value: undefined, done: true });
    await expect(channel.events({ signal: abort.signal }).next()).rejects.toThrow("no");
  });
});

describe("with a storage", () => {
  const sendsIn = (storage: ReturnType<typeof createFakeStorage>): number =>
    [...storage.entries.keys()].filter((key) => key.includes("/send/")).length;

  it("goes on with unsent messages after a reload, in their order, for the same user alone", async () => {
    const storage = createFakeStorage();
    const before = await liveIn({ storage });
    for (const body of ["one", "two", "three"]) before.channel.send(body).catch(() => undefined);
    before.client.close();
    await settled();
    expect(sendsIn(storage)).toBe(3);
    const other = startScene({ storage });
    const others = other.client.channel("lobby");
    await other.open("bob");
    await other.joined();
    expect(others.state().pending).toEqual([]);
    const after = await liveIn({ storage });
    expect(after.channel.state().pending.map(({ body }) => body)).toEqual(["one", "two", "three"]);
    for (const body of ["one", "two", "three"]) {
      const asked = after.take("send");
      expect(asked).toMatchObject({ body });
      await after.ok(asked, OK);
    }
    expect(sendsIn(storage)).toBe(0);
  });

  it("keeps from the first session on what was written before it", async () => {
    const storage = createFakeStorage();
    const scene = startScene({ storage });
    scene.client
      .channel("lobby")
      .send("early")
      .catch(() => undefined);
    expect(sendsIn(storage)).toBe(0);
    await scene.open();
    expect(sendsIn(storage)).toBe(1);
  });

  it("does not take the messages of a user whose name begins like this one's", async () => {
    const storage = createFakeStorage();
    const scene = startScene({ storage });
    scene.client
      .channel("lobby")
      .send("not ann's")
      .catch(() => undefined);
    await scene.open("ann/send");
    const ann = await liveIn({ storage });
    expect(ann.channel.state().pending).toEqual([]);
  });

  it("resumes where this user was, and the one who is new with the newest page", async () => {
    const storage = createFakeStorage();
    const before = await liveIn({ storage }, { resume: true });
    expect(before.world.said.at(-1)).toMatchObject({ joins: [{ channel: "lobby" }] });
    await before.hear(messageOf(1));
    await before.hear(messageOf(2));
    before.client.close();
    const after = startScene({ storage });
    after.client.channel("lobby", { resume: true });
    await after.open();
    expect(after.take("join")).toMatchObject({ joins: [{ channel: "lobby", after: { epoch: 1, seq: 2 } }] });
  });

  it("goes on in memory where the storage throws, and says so", async () => {
    const fail = (): never => {
      throw new Error("full");
    };
    const storage = { length: 1, key: fail, getItem: fail, setItem: fail, removeItem: fail };
    const scene = startScene({ storage });
    const errors: unknown[] = [];
    scene.client.on("error", (error) => void errors.push(error));
    const channel = scene.client.channel("lobby", { resume: true });
    await scene.open();
    await scene.joined();
    const sent = channel.send("hello");
    await scene.ok(scene.take("send"), OK);
    expect(await sent).toMatchObject({ seq: 9 });
    expect(errors[0]).toMatchObject({ message: "full" });
  });

  it.each(["", "null", "7", "[]", "{", '{"at":1}', '{"frame":{"clientId":7},"at":1}', '{"epoch":-1,"seq":"2"}'])(
    "is not led astray by %j in it",
    async (rubbish) => {
      const storage = createFakeStorage();
      storage.entries.set("rookery/ann/send/x", rubbish);
      storage.entries.set("rookery/ann/at/lobby", rubbish);
      storage.entries.set("theme", rubbish);
      const scene = startScene({ storage });
      const channel = scene.client.channel("lobby", { resume: true });
      await scene.open();
      expect(scene.take("join")).toMatchObject({ joins: [{ channel: "lobby" }] });
      expect(scene.world.said.at(-1)).not.toHaveProperty("joins.0.after");
      expect(channel.state().pending).toEqual([]);
      expect(storage.entries.get("theme")).toBe(rubbish);
    },
  );

  it("says a message once from two pages: either may bring it to its end", async () => {
    const storage = createFakeStorage();
    const first = await liveIn({ storage });
    const sent = watch(first.channel.send("hello"));
    const second = startScene({ storage });
    const copy = second.client.channel("lobby");
    await second.open();
    expect(copy.state().pending).toMatchObject([{ body: "hello", status: "sending" }]);
    await first.ok(first.take("send"), OK);
    expect(sent.outcome).toMatchObject({ seq: 9 });
    await second.joined({ messages: [messageOf(500)] });
    expect(second.waiting("send")).toBe(0);
    expect(copy.state().pending).toMatchObject([{ status: "failed", error: { code: "unknown" } }]);
  });

  it("lets a page that has a copy see in the channel that the other one has said it", async () => {
    const storage = createFakeStorage();
    const first = await liveIn({ storage });
    const { clientId } = first.channel.send("hello");
    const second = startScene({ storage });
    const copy = second.client.channel("lobby");
    await second.open();
    await first.ok(first.take("send"), OK);
    await second.joined({ messages: [messageOf(9, { user: "ann", clientId })] });
    expect(copy.state().pending).toEqual([]);
  });
});

describe("a channel's state", () => {
  it("is told of once for all that came together, and again when the last who types is not heard of any more", async () => {
    const scene = await liveIn();
    const told: number[] = [];
    scene.channel.on("change", ({ typing }) => void told.push(typing.length));
    for (const user of ["bob", "cat"])
      scene.connection.frame({ type: "typing", channel: "lobby", user, name: user, on: true, ttlMs: 6_000 });
    await settled();
    expect(told).toEqual([2]);
    expect(scene.clock.timers()).toBe(2);
    await scene.clock.pass(6_000);
    expect(told).toEqual([2, 0]);
  });

  it("says that this user types as often as it takes to stay known, and that it is over once", async () => {
    const scene = await liveIn();
    const { channel, clock } = scene;
    for (const _ of [1, 2]) channel.typing();
    await clock.pass(3_000);
    channel.typing();
    for (const _ of [1, 2]) channel.typing(false);
    channel.typing();
    channel.send("said").catch(() => undefined);
    channel.typing(false);
    const told = scene.world.said.flatMap((frame) => (frame.type === "typing" ? [frame.on] : []));
    expect(told).toEqual([true, true, false, true]);
  });

  it("brings older pages from before what it shows, also where that is nothing", async () => {
    const scene = startScene();
    const channel = scene.client.channel("lobby", { after: { epoch: 1, seq: 7 } });
    await scene.open();
    await scene.joined({ recovered: true, head: { epoch: 1, seq: 7 } });
    expect(channel.state()).toMatchObject({ phase: "live", hasOlder: true, messages: [] });
    const first = channel.older({ limit: 2 });
    const asked = scene.take("history");
    expect(asked).toMatchObject({ before: { epoch: 1, seq: 8 }, limit: 2 });
    await scene.ok(asked, { channel: "lobby", messages: [messageOf(6), messageOf(7)], more: true });
    expect(await first).toBe(true);
    const second = channel.older();
    const behind = scene.take("history");
    expect(behind).toMatchObject({ before: { epoch: 1, seq: 6 } });
    await scene.ok(behind, { channel: "lobby", messages: [messageOf(5)], more: false });
    expect(await second).toBe(false);
    expect(channel.state()).toMatchObject({ hasOlder: false, messages: [{ seq: 5 }, { seq: 6 }, { seq: 7 }] });
  });

  it("moves what is read, asks what is unread behind what another device read, and keeps what nobody can say", async () => {
    const scene = await liveIn();
    await scene.hear(messageOf(1));
    const read = scene.channel.read();
    const asked = scene.take("read");
    expect(asked).toMatchObject({ epoch: 1, seq: 1 });
    await scene.ok(asked, { channel: "lobby", read: { epoch: 1, seq: 1 }, unread: 0, mentions: 0 });
    await read;
    expect(scene.channel.state()).toMatchObject({ read: { seq: 1 }, unread: 0 });
    await scene.hear(messageOf(2));
    await scene.hear({ type: "read", channel: "lobby", epoch: 1, seq: 2 });
    await scene.ok(scene.take("read"), { channel: "lobby", read: { epoch: 1, seq: 2 } });
    expect(scene.channel.state()).toMatchObject({ read: { seq: 2 }, unread: 1 });
  });

  it("reads all pages of who is there, and forgets them with the session", async () => {
    const scene = await liveIn();
    const members = scene.channel.members();
    const ann = { user: "ann", name: "Ann", role: "member" };
    const bob = { user: "bob", name: "Bob", role: "owner" };
    await scene.ok(scene.take("members"), { channel: "lobby", online: 2, members: [ann], cursor: "next" });
    const behind = scene.take("members");
    expect(behind).toMatchObject({ cursor: "next" });
    await scene.ok(behind, { channel: "lobby", online: 2, members: [bob] });
    expect(await members).toEqual([ann, bob]);
    expect(scene.channel.state().present.map(({ user }) => user)).toEqual(["ann", "bob"]);
    await scene.cut();
    expect(scene.channel.state()).toMatchObject({ phase: "away", present: [] });
  });

  it("streams messages with gaps, or everything, from the call on, and ends with the channel's own error", async () => {
    const scene = await liveIn();
    await scene.hear(messageOf(1));
    const [messages, events] = [scene.channel.messages(), scene.channel.events()];
    await scene.hear(messageOf(2));
    await scene.hear({ type: "deleted", channel: "lobby", epoch: 1, seq: 3, at: 3, id: "m1", user: "bob" });
    await scene.hear(messageOf(4));
    await scene.hear({ type: "removed", channel: "lobby", code: "banned", until: 7 });
    const read = async (items: AsyncIterable<{ readonly type: string }>): Promise<string[]> => {
      const types: string[] = [];
      try {
        for await (const { type } of items) types.push(type);
      } catch (error) {
        types.push(String(error));
      }
      return types;
    };
    expect(await read(messages)).toEqual(["message", "message", "RookeryError: removed from lobby"]);
    expect(await read(events)).toEqual(["message", "deleted", "message", "RookeryError: removed from lobby"]);
  });
});
