// Owns the scene of the tests in which Redis loses something: people on two edges who speak in two channels all the time, what is
// done to Redis meanwhile, and the judgement after it is over. Called by tests of failovers and of a Redis that comes back older.
// Must never excuse a loss that nobody was told of: the checker does that, and excuses only what a failover took back.
import { checkHistories, describeViolations, eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Row } from "@rookery/testkit";
import { expect } from "vitest";
import { closesOf, startTalk, UNHURRIED } from "./talk.ts";
import type { Speaker, Talk } from "./talk.ts";

const CHANNELS = ["alpha", "beta"];
/** Of one that is away, everything included: a busy machine takes several times as long. */
export const HEALED = { withinMs: 40_000, everyMs: 100 };

export interface FailoverScene {
  readonly cluster: Cluster;
  readonly clients: readonly ChatClient[];
  readonly talk: Talk;
  /** Resolves once so many more messages were acknowledged. */
  moreTalk(count: number): Promise<void>;
  /** Resolves once something was acknowledged in an epoch that began after the call. */
  newEpoch(): Promise<void>;
  /** Resolves once Postgres has all that was acknowledged before the call and is not lost; answers the ids. */
  stored(): Promise<readonly string[]>;
  /** Something acknowledged may be gone for good. */
  lost(): void;
  metric(name: string): Promise<number>;
  /** One request to the api, with a key that may do everything. */
  ask(method: "PUT" | "POST" | "DELETE", path: string, body?: object): Promise<unknown>;
  /** Ends the talk, has everybody speak once more, and judges it all. Answers the rows. */
  judge(): Promise<Row[]>;
}

/** One persister, so that one metric tells all of what it did; its name is `persister-1`. Nobody speaks on a third edge. */
export async function startFailoverScene(redisUrl: string, { edges = 2 } = {}): Promise<FailoverScene> {
  const cluster = await startCluster({ edges, persisters: 1, redisUrl, set: UNHURRIED });
  const speakers: Speaker[] = await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      const channel = CHANNELS[n % 2] ?? "";
      const urls = cluster.ready.ws;
      const client = await cluster.client(`user-${n}`, { edge: n < 2 ? 0 : 1, reconnecting: { urls } });
      expect(await client.join(channel, { persisted: true })).toMatchObject({ type: "ok" });
      return { client, channel };
    }),
  );
  const clients = speakers.map(({ client }) => client);
  const talk = startTalk(speakers, { paceMs: 20 });
  const metric = async (name: string): Promise<number> =>
    (await cluster.metrics("persister-1")).get(`rookery_persister_${name}`) ?? 0;
  /** Only what was acknowledged since the last loss: of the rest nobody may have it any more. */
  let since = 0;
  const stored = async (): Promise<readonly string[]> => {
    const ids = talk.said.slice(since).flatMap(({ reply }) => (reply?.type === "ok" ? [reply.id ?? ""] : []));
    await eventually(
      async () => {
        const rows = new Set((await cluster.rows()).map(({ id }) => id));
        expect(ids.filter((id) => !rows.has(id))).toHaveLength(0);
      },
      { ...HEALED, what: "everything acknowledged in Postgres" },
    );
    return ids;
  };
  return {
    cluster,
    clients,
    talk,
    async newEpoch() {
      const newest = (): number => Math.max(...talk.said.map(({ reply }) => reply?.epoch ?? 0));
      const before = newest();
      await eventually(() => newest() > before, { ...HEALED, what: "a new epoch" });
    },
    metric,
    stored,
    async ask(method, path, body) {
      const { api, apiKey } = cluster.ready;
      const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
      return (await fetch(new URL(path, api), { method, headers, ...{ body: JSON.stringify(body ?? {}) } })).json();
    },
    lost() {
      since = talk.said.length;
    },
    async moreTalk(count) {
      const before = talk.acknowledged();
      await eventually(() => talk.acknowledged() >= before + count, { ...HEALED, what: `${count} more messages` });
    },
    async judge() {
      await talk.end();
      for (const { client, channel } of speakers)
        expect(await client.send(channel, "the last word")).toMatchObject({ type: "ok" });
      const rows = await eventually(
        async () => {
          const found = (await cluster.rows()).filter(({ channel }) => CHANNELS.includes(channel));
          const histories = clients.map(({ history }) => history);
          expect(describeViolations(checkHistories({ clients: histories, rows: found, mode: "fast" }))).toBe("");
          for (const { client, channel } of speakers) {
            const inPostgres = found
              .filter((row) => row.channel === channel)
              .map(({ epoch, seq }) => `${epoch}-${seq}`);
            expect(client.inOrder(channel).map(({ epoch, seq }) => `${epoch}-${seq}`)).toEqual(inPostgres);
          }
          return found;
        },
        { ...HEALED, what: "everybody has what Postgres has, and was told of the rest" },
      );
      expect(clients.flatMap((client) => client.problems())).toEqual([]);
      // Whatever became of Redis, nobody lost a connection.
      expect(clients.flatMap(closesOf)).toEqual([]);
      return rows;
    },
  };
}

/** The ranges that anybody was told of as gone. */
export const toldLost = (clients: readonly ChatClient[]): number =>
  clients.flatMap(({ history }) => history.events.filter((event) => event.kind === "gap" && event.lost === true))
    .length;
