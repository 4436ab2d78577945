import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { Redis } from "ioredis";
import { expect, it, onTestFinished } from "vitest";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";
import type { Talk } from "./talk.ts";

const CLIENTS = 200;
const CHANNELS = 10;
const MESSAGES = 30;
const BACK_WITHIN_MS = 10_000;
/** Ended by the test long before. */
const PAUSE_MOST_MS = 10_000;

/** Sends that the edge has taken and not answered. */
async function underWay(cluster: Cluster): Promise<number> {
  const metrics = await cluster.metrics("edge-1");
  const read = (series: string): number => metrics.get(`rookery_edge_${series}`) ?? Number.NaN;
  const answered = read('sends_total{outcome="new"}') + read('sends_total{outcome="duplicate"}');
  return read('frames_in_total{type="send"}') - answered;
}

/**
 * Kills edge-1 at the worst moment: it has a send of each of its clients under way, Redis has done them, and the edge could
 * tell nobody. Answers how many were stored without their senders' knowledge.
 */
async function killWhileAnswersAreOwed(cluster: Cluster, talk: Talk, victims: readonly ChatClient[]): Promise<number> {
  const redis = new Redis(cluster.ready.redis);
  onTestFinished(() => redis.disconnect());
  await redis.call("CLIENT", "PAUSE", PAUSE_MOST_MS, "WRITE");
  await eventually(async () => expect(await underWay(cluster)).toBe(victims.length));
  cluster.kill("edge-1", "SIGSTOP");
  await redis.call("CLIENT", "UNPAUSE");
  const users = new Set(victims.map(({ user }) => user));
  const unheard = await eventually(
    async () => {
      const stored = (await cluster.rows()).filter(({ author }) => users.has(author)).length;
      const heard = talk.said.filter(({ client, reply }) => users.has(client.user) && reply?.type === "ok").length;
      return stored > heard && stored - heard;
    },
    { what: "messages that are stored and not yet acknowledged" },
  );
  cluster.kill("edge-1");
  return unheard;
}

it(`an edge is killed while ${CLIENTS} clients send: they go on at the other, nothing acknowledged is missing or double`, async () => {
  const cluster = await startCluster({ edges: 2, set: UNHURRIED });
  const speakers = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, n) => {
      const reconnecting = { urls: cluster.ready.ws };
      // Each channel has its people on both edges.
      const client = await cluster.client(`user-${n}`, { edge: n % 2, reconnecting });
      onTestFinished(() => client.close());
      return { client, channel: `kill-${Math.floor(n / 2) % CHANNELS}` };
    }),
  );
  const clients = speakers.map(({ client }) => client);
  const victims = clients.filter((_, n) => n % 2 === 0);
  const others = clients.filter((_, n) => n % 2 === 1);
  await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));

  const talk = startTalk(speakers, { messages: MESSAGES });
  await eventually(() => talk.acknowledged() >= (CLIENTS * MESSAGES) / 3, { what: "a third of everything said" });
  const unheard = await killWhileAnswersAreOwed(cluster, talk, victims);
  await eventually(() => expect(victims.filter((client) => client.session() < 2)).toHaveLength(0), {
    withinMs: BACK_WITHIN_MS,
    what: "everybody of the dead edge at the other",
  });
  await talk.over;

  const rows = await expectPromisesKept({ cluster, talk, clients });
  expect(rows).toHaveLength(CLIENTS * MESSAGES);
  expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
  expect(new Set(victims.map((client) => closesOf(client).join())), "the victims' closes").toEqual(new Set(["1006"]));
  expect(new Set(others.map((client) => closesOf(client).join())), "the others' closes").toEqual(new Set([""]));
  const resumed = victims.flatMap(({ history }) => history.events.filter(({ kind }) => kind === "start").slice(1));
  expect(resumed).toHaveLength(CLIENTS / 2);
  expect(resumed.filter((event) => event.kind !== "start" || !event.recovered)).toEqual([]);
  const duplicates = talk.said.filter(({ reply }) => reply?.duplicate === true).length;
  expect(duplicates, "repeats of what had been done already").toBeGreaterThanOrEqual(unheard);
});
