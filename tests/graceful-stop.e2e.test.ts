import { ConnectFailure, eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";

const DRAIN_MS = 2000;
/** Beyond the drain: giving back connections, on two busy cores. */
const EXIT_SLACK_MS = 3000;
const RETURNING = 12;
const LEAVING = 8;
const STAYING = 4;
const PACE_MS = 10;

/** Status of the edge's readiness, or `refused` once nobody listens there any more. */
async function readiness(internal: string): Promise<number | "refused"> {
  try {
    const answer = await fetch(`${internal}/readyz`, { signal: AbortSignal.timeout(5000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return "refused";
  }
}

/**
 * Who comes back begins nothing more once it was told to go: its client would ask again and again, without a pause, on a
 * socket that is closing. Who leaves goes on to the end.
 */
async function elsewhere(client: ChatClient): Promise<void> {
  if (!client.frames.some(({ type }) => type === "reconnect")) return;
  await eventually(() => client.session() > 1, { withinMs: DRAIN_MS + EXIT_SLACK_MS, what: "another connection" });
}

/** Every answer of the edge about its readiness until there is none; a newcomer knocks while it drains. */
async function watchTheDoor(cluster: Cluster, internal: string) {
  const answers: (number | "refused")[] = [];
  let knock: unknown;
  let afterKnock: number | "refused" | undefined;
  await eventually(
    async () => {
      answers.push(await readiness(internal));
      if (knock === undefined && answers.at(-1) === 503) {
        knock = await cluster.client("newcomer", { edge: 0 }).catch((error: unknown) => error);
        afterKnock = await readiness(internal);
      }
      return answers.at(-1) === "refused";
    },
    { withinMs: DRAIN_MS + EXIT_SLACK_MS, what: "an edge that is gone" },
  );
  return { answers, knock, afterKnock };
}

it("an edge that is told to stop sends everybody elsewhere, loses nothing it acknowledged, and ends with 0", async () => {
  const set = { ...UNHURRIED, ROOKERY_DRAIN_MS: String(DRAIN_MS) };
  const cluster = await startCluster({ edges: 2, set });
  const internal = cluster.ready.processes.find(({ name }) => name === "edge-1")?.internal ?? "";
  const connect = async (user: string, edge: number, comesBack: boolean) => {
    const client = await cluster.client(
      user,
      comesBack ? { edge, reconnecting: { urls: cluster.ready.ws } } : { edge },
    );
    onTestFinished(() => client.close());
    return client;
  };
  const several = (count: number, kind: string, edge: number, comesBack: boolean) =>
    Promise.all(Array.from({ length: count }, (_, n) => connect(`${kind}-${n}`, edge, comesBack)));
  const returning = await several(RETURNING, "returning", 0, true);
  const leaving = await several(LEAVING, "leaving", 0, false);
  const staying = await several(STAYING, "staying", 1, false);
  const clients = [...returning, ...leaving, ...staying];
  const speakers = clients.map((client, n) => {
    const channel = `drained-${n % 2}`;
    return returning.includes(client) ? { client, channel, before: () => elsewhere(client) } : { client, channel };
  });
  await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
  const talk = startTalk(speakers, { paceMs: PACE_MS });
  await eventually(() => talk.acknowledged() > 10 * clients.length, { what: "a talk in full flow" });

  const toldAtMs = performance.now();
  cluster.kill("edge-1", "SIGTERM");
  const { answers, knock, afterKnock } = await watchTheDoor(cluster, internal);
  await eventually(() => cluster.stderr().some((line) => line.includes("edge-1 was drained and ended")), {
    withinMs: DRAIN_MS + EXIT_SLACK_MS,
    what: "the end of edge-1",
  });
  expect(performance.now() - toldAtMs).toBeLessThan(DRAIN_MS + EXIT_SLACK_MS);
  // An end with any other code is told as a death.
  expect(cluster.stderr().filter((line) => line.includes("edge-1 ended with"))).toEqual([]);
  expect(answers.slice(answers.indexOf(503), -1).filter((status) => status !== 503)).toEqual([]);
  expect(knock, "a newcomer at the draining edge").toBeInstanceOf(ConnectFailure);
  expect(afterKnock, "the edge after the knock").toBe(503);

  await Promise.all(returning.map((client) => client.ready()));
  const atReturn = talk.acknowledged();
  await eventually(() => talk.acknowledged() > atReturn + 5 * clients.length, { what: "talk at the other edge" });
  await talk.end();
  for (const client of [...returning, ...leaving]) {
    const told = client.frames.filter(({ type }) => type === "reconnect");
    expect(told, client.name).toEqual([{ type: "reconnect", afterMs: expect.any(Number), code: 4000 }]);
    expect(told[0]?.afterMs).toBeLessThanOrEqual(DRAIN_MS);
  }
  for (const client of leaving) expect(await client.closed).toEqual({ code: 4000, reason: "draining" });
  // Who comes back may have left by itself when its delay was over.
  for (const client of returning) expect([[4000], [1006]]).toContainEqual(closesOf(client));
  expect(staying.flatMap(closesOf)).toEqual([]);
  const unanswered = talk.said.filter(({ reply }) => reply?.type !== "ok");
  expect(unanswered.filter(({ client, reply }) => reply !== undefined || !leaving.includes(client))).toEqual([]);
  const rows = await expectPromisesKept({ cluster, talk, clients, stayed: [...returning, ...staying] });
  const unheard = new Set(unanswered.map(({ clientId }) => clientId));
  expect(
    rows.filter(({ clientId }) => unheard.has(clientId)),
    "taken by the edge and never answered",
  ).toEqual([]);
});
