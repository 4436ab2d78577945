// Channels and users by HTTP, with people in them: what a backend sets is what clients are told.
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ edges: 2, set: { ROOKERY_PRESENCE_GRACE_MS: "0" } });
});
afterAll(() => cluster?.stop());

type Json = Readonly<Record<string, unknown>>;

async function ask(method: string, path: string, body?: object, token = cluster.ready.apiKey): Promise<Json> {
  const answer = await fetch(new URL(path, cluster.ready.api), {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json: Json = Object(await answer.json());
  return json;
}

async function connect(user: string, edge: number) {
  const client = await cluster.client(user, { edge });
  onTestFinished(() => client.close());
  return client;
}

it("a channel is told as it was made, and in another way as soon as its settings are changed", async () => {
  const settings = { digestAbove: 1, countAbove: 50 };
  expect(await ask("POST", "/v1/channels", { id: "set", kind: "public", settings })).toMatchObject({ settings });
  const ann = await connect("ann", 0);
  const bob = await connect("bob", 1);
  expect(await ann.join("set")).toMatchObject({ mode: "full", online: 1 });
  expect(await bob.join("set")).toMatchObject({ mode: "digest", online: 2 });
  const isTold = (mode: string) => (frame: Frame) => frame.type === "presence" && frame["mode"] === mode;
  await ann.waitFor(isTold("digest"));
  await ask("PATCH", "/v1/channels/set", { settings: { digestAbove: null, countAbove: null } });
  await Promise.all([ann, bob].map((each) => each.waitFor(isTold("full"))));
  await ask("PATCH", "/v1/channels/set", { settings: { digestAbove: 1, countAbove: 50 } });
  const cy = await connect("cy", 0);
  expect(await cy.join("set")).toMatchObject({ mode: "digest", online: 3 });
});

it("a user is online on every node while connected, seen for the first time once, and last seen when they left", async () => {
  const token = cluster.token("dan", { name: "Dan" });
  const [one, two] = [await connect("dan", 0), await connect("dan", 1)];
  const dan = (): Promise<Json> => ask("GET", "/v1/users/dan", undefined, token);
  const sessions = (json: Json): readonly Json[] => (Array.isArray(json["sessions"]) ? json["sessions"] : []);
  await eventually(async () => sessions(await dan()).length === 2);
  const there = await dan();
  expect(there).toMatchObject({ user: "dan", online: true });
  expect(
    sessions(there)
      .map(({ node }) => String(node).split(".")[0])
      .toSorted(),
  ).toEqual(["edge-1", "edge-2"]);
  expect(JSON.stringify(there)).not.toContain("127.0.0.1");
  const before = Number(there["lastSeenAt"]);
  await Promise.all([one.close(), two.close()]);
  await eventually(async () => (await dan())["online"] === false);
  await eventually(async () => Number((await dan())["lastSeenAt"]) >= before);
  const gone = await dan();
  expect(Number(gone["firstSeenAt"])).toBeLessThanOrEqual(Number(gone["lastSeenAt"]));
  expect((await ask("GET", "/v1/users/dan", undefined, cluster.token("eve")))["code"]).toBe("not_found");
});
