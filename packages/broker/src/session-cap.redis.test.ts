// The cap on a user's sessions, counted over all nodes of a cluster on a real Redis.
import { testRedis } from "@rookery/testkit";
import { beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { nodeOn } from "./presence-kit.suite.ts";
import type { TestNode } from "./presence-kit.suite.ts";
import { connected, keys } from "./publishing.suite.ts";
import { parseReplaced } from "./replaced-session.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const user = "ann";
const { partition, sessions } = keys.user(user);

beforeEach(() => server.flush());

/** Nodes on which a user may have three sessions together, and the sessions that each is told to end. */
async function cluster(...names: string[]): Promise<{ nodes: TestNode[]; orders: string[] }> {
  const orders: string[] = [];
  const subscriber = redis.duplicate();
  onTestFinished(() => subscriber.disconnect());
  const nodes = names.map((name) => nodeOn(connection, name, { sessionsPerUser: 3 }));
  for (const { id } of nodes) {
    const topic = keys.partition(partition).probe(id.current());
    await subscriber.ssubscribe(topic);
    subscriber.on("smessage", (heard: string, text: string) => {
      if (heard === topic) orders.push(`${id.current()} ends ${parseReplaced(text)}`);
    });
  }
  return { nodes, orders };
}

async function begin({ people, presence }: TestNode, session: string, since: number): Promise<void> {
  people.connected.set(session, { user, name: "Ann", since, address: "hash", client: "a client" });
  presence.sessionChanged(user, session);
  await expect.poll(() => redis.hexists(sessions, session)).toBe(1);
}

it("a session too many ends the oldest one, on whichever node that is", async () => {
  const { nodes, orders } = await cluster("left", "right");
  const [left, right] = nodes;
  if (left === undefined || right === undefined) throw new Error("there are two nodes");
  await begin(right, "r1", 5);
  await begin(left, "l1", 1);
  await begin(left, "l2", 2);
  const looks = vi.spyOn(connection, "hgetall");
  expect(orders).toEqual([]);
  await begin(right, "r2", 9);
  await expect.poll(() => orders, { timeout: 3_000 }).toEqual(["left.1 ends l1"]);
  expect(looks).toHaveBeenCalledTimes(1);
});

it("nobody has to go for a session that comes while another ends on another node", async () => {
  const { nodes, orders } = await cluster("left", "right");
  const [left, right] = nodes;
  if (left === undefined || right === undefined) throw new Error("there are two nodes");
  for (const [at, session] of ["l1", "l2", "l3"].entries()) await begin(left, session, at);
  const looks = vi.spyOn(connection, "hgetall");
  await begin(right, "r1", 9);
  left.end(user, "l3");
  await expect.poll(() => looks.mock.calls.length, { timeout: 3_000 }).toBe(1);
  await looks.mock.results[0]?.value;
  // Whatever had been ordered would have come by then: it goes the same way.
  await begin(right, "r2", 10);
  await expect.poll(() => orders, { timeout: 3_000 }).toEqual(["left.1 ends l1"]);
});

it("what was told anew, of the same sessions, makes none of them go", async () => {
  const { nodes, orders } = await cluster("left");
  const [left] = nodes;
  if (left === undefined) throw new Error("there is a node");
  for (const [at, session] of ["l1", "l2", "l3"].entries()) await begin(left, session, at);
  left.id.renew();
  await expect.poll(async () => (await redis.hvals(sessions)).every((held) => held.startsWith("left.2|"))).toBe(true);
  expect(orders).toEqual([]);
});
