import { formatPosition, ORIGIN } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { connectRedis } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Envelope } from "./envelope.ts";
import { createKeys } from "./keys.ts";
import { packEnvelope } from "./packed-envelope.fixture.ts";
import { createPartitions } from "./partitions.ts";
import { packReplaced } from "./replaced-session.ts";
import { createTopics } from "./topics.ts";
import type { Topics } from "./topics.ts";

const server = await testRedis();
const partitions = createPartitions(16);
const keys = createKeys(partitions);
const connect = (): RedisConnection => connectRedis({ url: server.url, use: "subscriptions", commandTimeoutMs: 1_000 });

let files = 0;
afterEach(() => server.flush());

interface Heard {
  readonly topics: Topics;
  /** To be changed before `followNode`. */
  node: string;
  readonly envelopes: { channel: string; envelope: Envelope }[];
  readonly events: string[];
  readonly restored: (readonly string[])[];
}

function listen(through: () => RedisConnection = connect): Heard {
  files += 1;
  const heard = { node: `node-${files}`, envelopes: [], events: [], restored: [] } as Omit<Heard, "topics">;
  const topics = createTopics({
    connect: through,
    keys,
    partitions,
    node: () => heard.node,
    listener: {
      envelope: (channel, envelope) => void heard.envelopes.push({ channel, envelope }),
      corrected: (channel, { first, former, prev }) =>
        void heard.events.push(`corrected ${channel} ${[first, former, prev].map(formatPosition).join(" ")}`),
      fleeting: (channel, { exclude, frame }) =>
        void heard.events.push(`signal ${channel} ${exclude} ${Buffer.from(frame).toString()}`),
      control: (partition, text) => void heard.events.push(`control ${partition} ${text}`),
      saved: (partition, { upTo, unstored }) =>
        void heard.events.push(`saved ${partition} ${upTo.epoch}-${upTo.number} ${unstored}`),
      probe: (partition) => void heard.events.push(`probe ${partition}`),
      order: (partition, text) => void heard.events.push(`order ${partition} ${text}`),
      refused: (reason) => void heard.events.push(`refused ${reason}`),
      lost: () => void heard.events.push("lost"),
      restored(channels) {
        heard.events.push("restored");
        heard.restored.push(channels);
      },
    },
  });
  onTestFinished(() => topics.close());
  return Object.assign(heard, { topics });
}

async function started(through?: () => RedisConnection): Promise<Heard> {
  const heard = listen(through);
  await heard.topics.start();
  return heard;
}

const envelope = (seq: number): Envelope => ({
  kind: "sequenced",
  position: { epoch: 1, seq },
  prev: { epoch: 1, seq: seq - 1 },
  exclude: "",
  frame: Buffer.from(`frame ${seq}`),
});

/** Resolves to the number of subscribers that got it. */
const announce = (channel: string, seq: number): Promise<unknown> =>
  server.redis.spublish(keys.channel(channel).topic, Buffer.from(packEnvelope(envelope(seq))));

const channelTopics = async (): Promise<number> => {
  const topics = await server.redis.call("PUBSUB", "SHARDCHANNELS", "*:t:*");
  return Array.isArray(topics) ? topics.length : -1;
};

describe("topics", () => {
  it("hear control and probe of every partition once they have started", async () => {
    const { node, events } = await started();
    for (let partition = 0; partition < partitions.count; partition += 1) {
      const names = keys.partition(partition);
      expect(await server.redis.spublish(names.probe(node), "")).toBe(1);
      expect(await server.redis.spublish(names.control, `{"stored":"7-${partition}","unstored":2}`)).toBe(1);
      expect(await server.redis.spublish(names.control, `{"rights":"of a newer node"}`)).toBe(1);
    }
    await vi.waitFor(() => expect(events).toHaveLength(48));
    expect(events.slice(0, 3)).toEqual(["probe 0", "saved 0 7-0 2", 'control 0 {"rights":"of a newer node"}']);
  });

  it("tell why Redis gives them not, and start once it does", async () => {
    await server.redis.call("ACL", "SETUSER", "mute", "on", ">x", "~*", "&*", "+@all", "-ssubscribe");
    onTestFinished(async () => void (await server.redis.call("ACL", "DELUSER", "mute")));
    const url = server.url.replace("redis://", "redis://mute:x@");
    const { topics, events } = listen(() => connectRedis({ url, use: "subscriptions", commandTimeoutMs: 1_000 }));
    const start = topics.start();
    await vi.waitFor(() => expect(events).toContainEqual(expect.stringMatching(/^refused NOPERM.*ssubscribe/)));
    await server.redis.call("ACL", "SETUSER", "mute", "+ssubscribe");
    await start;
  });

  it("tell what is said to this node alone from its own probes", async () => {
    const { node, events } = await started();
    const topic = keys.partition(5).probe(node);
    for (const text of [packReplaced("s1"), ""]) expect(await server.redis.spublish(topic, text)).toBe(1);
    await vi.waitFor(() => expect(events).toEqual(['order 5 {"replaced":"s1"}', "probe 5"]));
  });

  it("follow their node to another id: its probes are heard under that one alone, also on the next connection", async () => {
    const heard = await started();
    const { topics, events } = heard;
    const former = heard.node;
    heard.node = `${former}-renewed`;
    await topics.followNode();
    for (let again = 0; again < 2; again += 1) {
      for (let partition = 0; partition < partitions.count; partition += 1) {
        const names = keys.partition(partition);
        expect(await server.redis.spublish(names.probe(heard.node), "")).toBe(1);
        expect(await server.redis.spublish(names.probe(former), "")).toBe(0);
      }
      await vi.waitFor(() =>
        expect(events.filter((event) => event.startsWith("probe"))).toHaveLength(16 * (again + 1)),
      );
      topics.reconnect("to see what is subscribed anew");
      await vi.waitFor(() => expect(heard.restored).toHaveLength(again + 1));
    }
  });

  it("have every subscription acknowledged by Redis before subscribe resolves", async () => {
    const { topics, envelopes } = await started();
    for (let n = 1; n <= 50; n += 1) {
      await topics.subscribe(`ack-${n}`);
      expect(await announce(`ack-${n}`, n)).toBe(1);
    }
    await vi.waitFor(() => expect(envelopes).toHaveLength(50));
    expect(envelopes[6]?.channel).toBe("ack-7");
    expect(Buffer.from(envelopes[6]?.envelope.frame ?? []).toString()).toBe("frame 7");
  });

  it("join 500 channels at once with a few calls, and give all of them back", async () => {
    const { topics } = await started();
    const before = await channelTopics();
    const channels = Array.from({ length: 500 }, (_, n) => `churn-${n}`);
    await server.redis.config("RESETSTAT");
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(channels.map((channel) => topics.subscribe(channel)));
      expect([topics.subscriptions(), (await channelTopics()) - before]).toEqual([500, 500]);
      await Promise.all(channels.map((channel) => topics.unsubscribe(channel)));
      expect([topics.subscriptions(), (await channelTopics()) - before]).toEqual([0, 0]);
    }
    const calls = /cmdstat_ssubscribe:calls=(\d+)/.exec(await server.redis.info("commandstats"))?.[1];
    expect(Number(calls)).toBeLessThanOrEqual(3 * partitions.count);
  });

  it("end in the last wish when subscribe and unsubscribe race", async () => {
    const { topics } = await started();
    const wishes: Promise<unknown>[] = [];
    for (let n = 0; n < 40; n += 1) {
      for (let turn = 0; turn <= n % 5; turn += 1) {
        const wish = turn % 2 === 0 ? topics.subscribe(`race-${n}`) : topics.unsubscribe(`race-${n}`);
        wishes.push(wish.catch(() => "overtaken"));
        if (n % 3 === 0) await new Promise(setImmediate);
      }
    }
    await Promise.all(wishes);
    for (let n = 0; n < 40; n += 1) expect(await announce(`race-${n}`, 1), `race-${n}`).toBe((n % 5) % 2 === 0 ? 1 : 0);
  });

  it("tell nothing of a channel after unsubscribe was called", async () => {
    const { topics, envelopes } = await started();
    await topics.subscribe("left");
    const sent = announce("left", 1);
    const gone = topics.unsubscribe("left");
    await Promise.all([sent, gone]);
    expect(envelopes).toEqual([]);
  });

  it("tell a signal apart from what has a position, with the session that must not get it", async () => {
    const { topics, envelopes, events } = await started();
    await topics.subscribe("talk");
    const at = { position: ORIGIN, prev: ORIGIN };
    const signal = packEnvelope({ kind: "signal", ...at, exclude: "s1", frame: Buffer.from("typing") });
    await server.redis.spublish(keys.channel("talk").topic, Buffer.from(signal));
    await announce("talk", 1);
    await vi.waitFor(() => expect(envelopes).toHaveLength(1));
    expect(events).toEqual(["signal talk s1 typing"]);
  });

  it("drop what is no envelope and go on", async () => {
    const { topics, envelopes } = await started();
    await topics.subscribe("noise");
    await server.redis.spublish(keys.channel("noise").topic, "not an envelope");
    await announce("noise", 1);
    await vi.waitFor(() => expect(envelopes).toHaveLength(1));
  });
});

describe("topics whose connection is lost", () => {
  it("are told lost once and restored with every channel, all acknowledged", async () => {
    const { topics, node, events, restored } = await started();
    const channels = Array.from({ length: 60 }, (_, n) => `cut-${n}`);
    await Promise.all(channels.map((channel) => topics.subscribe(channel)));
    await server.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await vi.waitFor(() => expect(events).toEqual(["lost", "restored"]));
    expect(restored[0]?.toSorted()).toEqual(channels.toSorted());
    for (const channel of channels) expect(await announce(channel, 1)).toBe(1);
    expect(await server.redis.spublish(keys.partition(3).probe(node), "")).toBe(1);
  });

  it("make a new connection when told to, and only one", async () => {
    let made = 0;
    const { topics, events } = await started(() => {
      made += 1;
      return connect();
    });
    topics.reconnect("two probes were missed");
    topics.reconnect("two probes were missed");
    await vi.waitFor(() => expect(events).toEqual(["lost", "restored"]));
    expect(made).toBe(2);
  });

  it("resolve a subscribe that waits only on the new connection", async () => {
    const { topics, events } = await started();
    topics.reconnect("test");
    await topics.subscribe("patient");
    expect(events).toContain("lost");
    expect(await announce("patient", 1)).toBe(1);
    await vi.waitFor(() => expect(events).toEqual(["lost", "restored"]));
  });

  it("give a channel up when it is left while the connection is away", async () => {
    const { topics, events, restored } = await started();
    await topics.subscribe("kept");
    await topics.subscribe("given-up");
    topics.reconnect("test");
    await topics.unsubscribe("given-up");
    await vi.waitFor(() => expect(events).toEqual(["lost", "restored"]));
    expect(restored).toEqual([["kept"]]);
    expect(await announce("given-up", 1)).toBe(0);
  });

  it("repeat what Redis refuses until it is granted", async () => {
    await server.redis.call("ACL", "SETUSER", "shy", "on", ">secret", "~*", "+@all", "resetchannels");
    onTestFinished(async () => void (await server.redis.call("ACL", "DELUSER", "shy")));
    const url = server.url.replace("redis://", "redis://shy:secret@");
    const heard = listen(() => connectRedis({ url, use: "subscriptions", commandTimeoutMs: 1_000 }));
    let isStarted = false;
    const start = heard.topics.start().then(() => {
      isStarted = true;
    });
    await vi.waitFor(async () => expect(await denials()).toBeGreaterThan(partitions.count));
    expect(isStarted).toBe(false);
    await server.redis.call("ACL", "SETUSER", "shy", "allchannels");
    await start;
    expect(await server.redis.spublish(keys.partition(0).probe(heard.node), "")).toBe(1);
  });
});

async function denials(): Promise<number> {
  const text = /cmdstat_ssubscribe:.*rejected_calls=(\d+)/.exec(await server.redis.info("commandstats"))?.[1];
  return Number(text ?? 0);
}
