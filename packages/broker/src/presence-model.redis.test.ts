// Presence of three nodes on a real Redis against a simple model: users that come and go, nodes that are killed, cut off and back,
// commands that are doubled, replies that are lost, reapers that die half way, and servers that take over without the last of what
// was told. No count is ever below one, and once all is quiet everything is what is connected.
import { isDeepStrictEqual } from "node:util";
import { eventually, startProxy, testRedis } from "@rookery/testkit";
import { array, assert, asyncProperty, constantFrom, nat, oneof, record } from "fast-check";
import type { Arbitrary } from "fast-check";
import { expect, it } from "vitest";
import { startBeats } from "./beats.ts";
import { connectRedis } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createPresence } from "./node-presence.ts";
import { createIdentity, createPeople } from "./presence.fixture.ts";
import { countsIn, listenTo, told } from "./presence-kit.suite.ts";
import type { Heard } from "./presence-kit.suite.ts";
import { keys, partitions } from "./publishing.suite.ts";
import { startReaper } from "./reaper.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;

const LEASE_MS = 240;
const TIMEOUT_MS = 120;
const CHANNELS = ["red", "green", "blue"];
const USERS = ["ann", "bob", "eve"];
const NODES = 3;

type Step =
  | { readonly kind: "enter" | "exit"; readonly node: number; readonly channel: number; readonly user: number }
  | { readonly kind: "kill" | "cut off" | "back" | "lose" | "reaper dies"; readonly node: number }
  | { readonly kind: "wait" | "keep" | "fail over" };

const who = { node: nat(NODES - 1), channel: nat(CHANNELS.length - 1), user: nat(USERS.length - 1) };
const calm: Arbitrary<Step> = oneof(
  {
    weight: 12,
    arbitrary: record({ kind: constantFrom("enter" as const, "enter" as const, "exit" as const), ...who }),
  },
  {
    weight: 5,
    arbitrary: record({
      kind: constantFrom("kill" as const, "cut off" as const, "back" as const, "lose" as const, "reaper dies" as const),
      node: nat(NODES - 1),
    }),
  },
  { weight: 2, arbitrary: record({ kind: constantFrom("wait" as const) }) },
);
const wild: Arbitrary<Step> = oneof(
  { weight: 8, arbitrary: calm },
  { weight: 4, arbitrary: record({ kind: constantFrom("keep" as const, "fail over" as const) }) },
);

/** What the partitions hold at one moment, as a replica has it: names and dumps in turns. */
const KEEP = `
  local all = {}
  for _, key in ipairs(redis.call('KEYS', '{*')) do
    all[#all + 1] = key
    all[#all + 1] = redis.call('DUMP', key)
  end
  return all
`;
const TAKE_OVER = `
  for _, key in ipairs(redis.call('KEYS', '{*')) do redis.call('DEL', key) end
  for at = 1, #ARGV, 2 do redis.call('RESTORE', ARGV[at], 0, ARGV[at + 1]) end
`;

let made = 0;

/** One process: killed by `die`, without a word. */
function startNode(url: string) {
  made += 1;
  const id = createIdentity(`node${made}`);
  const people = createPeople();
  const link = connectRedis({ url, use: "commands", commandTimeoutMs: TIMEOUT_MS });
  doubled(link);
  const common = { connection: link, keys, leaseMs: LEASE_MS, node: id.current };
  const beats = startBeats({
    ...{ ...common, self: { kind: "edge", version: "0" }, lapseMs: 1 },
    ...{ load: () => ({ connections: 0, draining: false }), condemned: id.renew, failed: () => undefined },
  });
  const presence = createPresence({
    ...{ connection: link, keys, truth: people, node: id, commandTimeoutMs: TIMEOUT_MS },
    ownerChanged: () => reaper.compare(),
  });
  id.onRenew(beats.beat);
  const reap = () => startReaper({ ...common, steadyMs: beats.steadyMs, chunk: 1, compareEveryMs: LEASE_MS });
  let reaper = reap();
  const changed = (channel: string, user: string): void => {
    presence.changed(channel, user).catch(() => undefined);
  };
  return {
    ...{ id, people, presence, changed },
    session: (user: string, isThere: boolean) => {
      const session = `${id.taken[0] ?? ""}-${user}`;
      if (isThere) people.connected.set(session, { user, name: user, since: 1, address: "", client: "" });
      else people.connected.delete(session);
      presence.sessionChanged(user, session);
    },
    anotherReaper: () => {
      reaper.stop();
      reaper = reap();
    },
    die: async () => {
      reaper.stop();
      presence.close();
      link.disconnect();
      // It is dead: no word of it comes through.
      await beats.leave().catch(() => undefined);
    },
  };
}

/** Everything that is told of presence reaches Redis twice. */
function doubled(link: RedisConnection): void {
  for (const name of ["rookeryAttend", "rookerySessions", "rookeryOpenLease"] as const) {
    const send = link[name].bind(link);
    link[name] = (...args: Parameters<typeof send>) => {
      send(...args).catch(() => undefined);
      return send(...args);
    };
  }
}

async function rig() {
  await server.flush();
  const slots = await Promise.all(
    Array.from({ length: NODES }, async () => {
      const proxy = await startProxy({ target: server.url });
      return { proxy, node: startNode(proxy.url()) };
    }),
  );
  let kept: Buffer[] = [];

  async function keep(): Promise<void> {
    const dumped: unknown = await redis.callBuffer("EVAL", KEEP, 0);
    kept = Array.isArray(dumped) ? dumped.filter((each) => Buffer.isBuffer(each)) : [];
  }

  /** Another server, which has what was kept and nothing later. */
  async function failOver(): Promise<void> {
    await redis
      .multi()
      .eval(TAKE_OVER, 0, ...kept)
      .call("DEBUG", "CHANGE-REPL-ID")
      .exec();
  }

  /** As each edge's pulse does within a second. */
  async function pulse(): Promise<void> {
    const serving = /master_replid:(\w+)/.exec(await redis.info("replication"))?.[1] ?? "";
    for (const { node } of slots)
      for (let each = 0; each < partitions.count; each += 1) node.presence.served(each, serving);
  }

  async function take(step: Step): Promise<void> {
    const untilMs = performance.now() + LEASE_MS;
    if (step.kind === "wait") await eventually(() => performance.now() > untilMs);
    else if (step.kind === "keep") await keep();
    else if (step.kind === "fail over") {
      await failOver();
      await pulse();
    } else if ("node" in step) {
      const slot = slots[step.node];
      if (slot === undefined) return;
      const { node, proxy } = slot;
      if (step.kind === "enter" || step.kind === "exit") {
        const channel = CHANNELS[step.channel] ?? "";
        const user = USERS[step.user] ?? "";
        const isHere = node.people.attendance(channel, user) !== undefined;
        if (step.kind === "exit" && !isHere) return;
        node.people.add(channel, user, step.kind === "enter" ? 1 : -1);
        node.changed(channel, user);
        node.session(user, step.kind === "enter");
      } else if (step.kind === "kill") {
        await node.die();
        proxy.freeze(false);
        slot.node = startNode(proxy.url());
      } else if (step.kind === "cut off") proxy.freeze(true);
      else if (step.kind === "back") proxy.freeze(false);
      else if (step.kind === "reaper dies") node.anotherReaper();
      else proxy.loseNextReply().catch(() => undefined);
    }
  }

  /** What is connected: by channel and user, and by user the sessions. */
  function expected() {
    const counts = CHANNELS.map((channel) => {
      const sums: Record<string, number> = {};
      for (const { node } of slots)
        for (const [user, here] of node.people.inChannels.get(channel) ?? []) sums[user] = (sums[user] ?? 0) + here;
      return sums;
    });
    const sessions = USERS.map(
      (user) => slots.flatMap(({ node }) => [...node.people.connected].filter(([, each]) => each.user === user)).length,
    );
    return { counts, sessions, nodes: slots.map(({ node }) => node.id.current()).toSorted() };
  }

  /** The same of Redis, with all that disagrees in itself. */
  async function found() {
    const counts = await Promise.all(CHANNELS.map((channel) => countsIn(server, channel)));
    const sessions = await Promise.all(USERS.map((user) => redis.hlen(keys.user(user).sessions)));
    return { counts, sessions, nodes: (await redis.hkeys(keys.nodes)).toSorted() };
  }

  /** An id may be another one a moment later. */
  async function differences(): Promise<unknown[]> {
    const [is, strays] = [await found(), await strayKeys(slots.map(({ node }) => node.id.current()))];
    const shall = expected();
    return [...(isDeepStrictEqual(is, shall) ? [] : [is, shall]), ...strays];
  }

  return {
    ...{ take, pulse, differences },
    back: () => slots.forEach(({ proxy }) => proxy.freeze(false)),
    close: async () => {
      for (const { node, proxy } of slots) {
        await node.die();
        await proxy.close();
      }
    },
  };
}

async function belowOne(): Promise<string[]> {
  const all = await Promise.all(CHANNELS.map((channel) => countsIn(server, channel)));
  return all.flatMap((counts) => Object.entries(counts).flatMap(([user, count]) => (count >= 1 ? [] : [user])));
}

/** Runs the schedule, then waits until Redis has what is so. Answers what was told meanwhile of each channel. */
async function play(steps: readonly Step[]): Promise<Heard[][]> {
  const { take, back, pulse, differences, close } = await rig();
  try {
    const heard = await Promise.all(CHANNELS.map((channel) => listenTo(server, channel)));
    for (const step of steps) {
      await take(step);
      expect(await belowOne()).toEqual([]);
    }
    back();
    await pulse();
    await expect.poll(differences, { timeout: 15_000, interval: 25 }).toEqual([]);
    return heard;
  } finally {
    await close();
  }
}

/** Keys of nodes that are gone, and users and channels of which one index says what the other does not. */
async function strayKeys(nodes: readonly string[]): Promise<string[]> {
  const names = (await redis.keys("*")).filter((name) => /:(?:lease|hereon):/.test(name));
  const strays = names.filter((name) => !nodes.some((node) => name.endsWith(`:${node}`) || name.endsWith(`|${node}`)));
  for (const channel of CHANNELS) {
    const { here, who: index } = keys.channel(channel);
    const [users, indexed] = [await redis.hkeys(here), await redis.zrange(index, "0", "-1")];
    if (users.toSorted().join() !== indexed.toSorted().join()) strays.push(`${here} and ${index}`);
    const counts = Object.values(await countsIn(server, channel));
    const { busy } = keys.partition(partitions.of(channel));
    const ranked = Number((await redis.zscore(busy, channel)) ?? 0);
    const score = counts.length * 2 ** 27 + counts.reduce((sum, each) => sum + each, 0);
    if (ranked !== score) strays.push(`${channel} is ranked by ${ranked} and not by ${score}`);
  }
  for (const user of USERS) {
    const { partition, sessions } = keys.user(user);
    const isListed = (await redis.zscore(keys.partition(partition).users, user)) !== null;
    if (isListed !== ((await redis.exists(sessions)) === 1)) strays.push(`${user} is ${isListed ? "" : "not "}listed`);
  }
  return strays;
}

/** By channel and user, in turns: joined, left, joined.. */
function outOfTurn(heard: readonly Heard[][]): string[] {
  return heard.flatMap((envelopes, at) => {
    const last = new Map<string, string>();
    return envelopes.map(told).flatMap((text) => {
      const [what = "", user = ""] = text.split(" ");
      const before = last.get(user) ?? "left";
      last.set(user, what);
      return what === before ? [`${CHANNELS[at] ?? ""}: ${text} twice`] : [];
    });
  });
}

const times = Number(process.env["TEST_FUZZ_TIMES"] ?? 1);

it(
  "who is present is who is connected, and everybody comes and goes in turns, however nodes and reapers fare",
  async () => {
    await assert(
      asyncProperty(array(calm, { minLength: 10, maxLength: 30, size: "max" }), async (steps) => {
        expect(outOfTurn(await play(steps))).toEqual([]);
      }),
      { numRuns: 4 * times, endOnFailure: true },
    );
  },
  60_000 * times,
);

it(
  "who is present is who is connected, also when servers take over without the last of what was told",
  async () => {
    await assert(
      asyncProperty(array(wild, { minLength: 10, maxLength: 30, size: "max" }), async (steps) => {
        await play(steps);
      }),
      { numRuns: 4 * times, endOnFailure: true },
    );
  },
  60_000 * times,
);
