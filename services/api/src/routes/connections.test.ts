// Contract of what operators are told of the whole cluster and of one channel: their shapes, pages, and who may ask.
import { newApiKey } from "@rookery/auth";
import { expect, it } from "vitest";
import { nodeRecord } from "../fake-cluster.fixture.ts";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const { key, hash } = newApiKey();
const { ask, api } = await fakeServer({
  keys: { [hash]: ["channels", "moderate", "publish", "tokens"] },
  channels: ["lobby"],
});
const ann = await userToken("ann");

const session = (id: string, node: string, since: number) => ({
  ...{ session: id, node, since, address: "9f", client: "node" },
});
const named = (id: string, node: string, since: number) => ({ ...session(id, node, since), name: `name of ${id}` });
api.nodeRecords.set("edge-1.a", nodeRecord("edge-1.a", { connections: 3 }));
api.nodeRecords.set("edge-2.b", nodeRecord("edge-2.b", { connections: 2 }));
api.nodeRecords.set("api.c", nodeRecord("api.c", { kind: "api", connections: 7 }));
api.sessions.set("ann", [named("s2", "edge-2.b", 20), named("s1", "edge-1.a", 10), named("s0", "edge-0.gone", 5)]);
api.sessions.set("bob", [named("s3", "edge-0.gone", 30)]);
api.sessions.set("eve", [named("s4", "edge-1.a", 40)]);

const people = [
  { user: "ann", name: "name of s2", sessions: [session("s1", "edge-1.a", 10), session("s2", "edge-2.b", 20)] },
  { user: "eve", name: "name of s4", sessions: [session("s4", "edge-1.a", 40)] },
];

it("all connections are told by edge, channel and user, without what dead edges left", async () => {
  const { status, json } = await ask("GET", "/v1/connections");
  expect([status, json]).toEqual([
    200,
    {
      total: 5,
      nodes: [
        { node: "edge-1.a", connections: 3, version: "0.0.0" },
        { node: "edge-2.b", connections: 2, version: "0.0.0" },
      ],
      channels: [{ channel: "lobby", online: 2, connections: 3 }],
      users: people,
    },
  ]);
});

it("users come in pages, also past one who shows nothing", async () => {
  const first = (await ask("GET", "/v1/connections?limit=1")).json;
  const second = (await ask("GET", `/v1/connections?limit=1&cursor=${String(first["cursor"])}`)).json;
  const third = (await ask("GET", `/v1/connections?limit=1&cursor=${String(second["cursor"])}`)).json;
  expect([first["users"], second["users"], third["users"]]).toEqual([[people[0]], [], [people[1]]]);
  expect(third["cursor"]).toBeUndefined();
});

it("a channel's statistics are told with a page of those present", async () => {
  const { status, json } = await ask("GET", "/v1/channels/lobby/stats?limit=2");
  expect([status, json]).toEqual([
    200,
    {
      ...{ channel: "lobby", online: 2, connections: 3 },
      users: [
        { user: "ann", name: "ANN", connections: 1 },
        { user: "bob", name: "BOB", connections: 1 },
      ],
      messages: { "1m": 1, "5m": 2, "60m": 3 },
      senders: { "1m": 1, "5m": 1, "60m": 2 },
      ...{ mode: "full", head: { epoch: 0, seq: 0 }, cursor: expect.any(String) },
    },
  ]);
  const rest = await ask("GET", `/v1/channels/lobby/stats?cursor=${String(json["cursor"])}`);
  expect(rest.json["users"]).toEqual([{ user: "eve", name: "EVE", connections: 1 }]);
  expect((await ask("GET", "/v1/channels/absent/stats")).json["code"]).toBe("not_found");
});

it("nobody but an admin's key, and of one channel who moderates it, is told any of it", async () => {
  for (const url of ["/v1/connections", "/v1/nodes", "/v1/channels/lobby/stats"]) {
    expect([url, (await ask("GET", url, { as: ann })).json["code"]]).toEqual([url, "forbidden"]);
    expect([url, (await ask("GET", url, { as: key })).json["code"]]).toEqual([url, "forbidden"]);
    expect([url, (await ask("GET", url, { as: null })).json["code"]]).toEqual([url, "unauthenticated"]);
  }
});
