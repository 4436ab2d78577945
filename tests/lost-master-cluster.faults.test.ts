// A master of a Cluster is lost, and what it announced of a message and of a ban: see the suites; and a slot moves while everybody speaks.
import { eventually, testTopology } from "@rookery/testkit";
import type { Redis } from "ioredis";
import { expect, it } from "vitest";
import { CHANNELS, codesOf, keyOf, PARTITIONS, RECOVERED_WITHIN_MS, testLostMaster } from "./lost-master.suite.ts";
import { testUnheard } from "./unheard.suite.ts";

const redis = await testTopology({ kind: "cluster", replicas: 2 });

const nodeId = async (client: Redis): Promise<string> => String(await client.call("CLUSTER", "MYID"));

it("a slot moves under load: what is refused is unavailable, nobody is cut off, and it goes on by itself", async () => {
  const [channel = ""] = CHANNELS;
  const from = redis.clientOf(await redis.masterOf(keyOf(channel)));
  const slot = await from.cluster("KEYSLOT", keyOf(channel));
  const masters = await Promise.all(CHANNELS.map((each) => redis.masterOf(keyOf(each))));
  const target = masters.find((server) => redis.clientOf(server) !== from);
  if (target === undefined) throw new Error("all channels are on one master");
  const to = redis.clientOf(target);
  const talk = await scene.talkThrough(async ({ talk: { said }, moreEverywhere }) => {
    await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", await nodeId(from));
    await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", await nodeId(to));
    const before = said.length;
    for (;;) {
      const keys = await from.cluster("GETKEYSINSLOT", slot, 10);
      if (keys.length === 0) break;
      await from.call("MIGRATE", "127.0.0.1", target.port, "", 0, 1_000, "KEYS", ...keys);
    }
    const refused = (): unknown[] =>
      said.slice(before).flatMap(({ reply }) => (reply?.type === "error" ? [reply.code] : []));
    await eventually(() => refused().length > 0);
    expect(new Set(refused())).toEqual(new Set(["unavailable"]));
    for (const node of [to, from]) await node.call("CLUSTER", "SETSLOT", slot, "NODE", await nodeId(to));
    await moreEverywhere(5, RECOVERED_WITHIN_MS);
  });
  expect(codesOf(talk)).toEqual(new Set(["ok", "unavailable"]));
});

const scene = testLostMaster(redis);
testUnheard(scene.cluster, PARTITIONS);
