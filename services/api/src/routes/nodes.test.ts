// Contract of the list of nodes and of the order to drain.
import { newApiKey } from "@rookery/auth";
import { expect, it } from "vitest";
import { nodeRecord } from "../fake-cluster.fixture.ts";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const { key, hash } = newApiKey();
const { ask, api } = await fakeServer({ keys: { [hash]: ["channels", "moderate", "publish", "tokens"] } });
const edge = nodeRecord("edge-1.a", { connections: 3, envelopes: 4 });
api.nodeRecords.set("edge-1.a", edge);
api.nodeRecords.set("api.c", nodeRecord("api.c", { kind: "api" }));

it("nodes are listed by id, each as it told of itself, in pages", async () => {
  const { envelopes: _, ...shown } = edge;
  const { status, json } = await ask("GET", "/v1/nodes");
  expect([status, json]).toEqual([200, { nodes: [nodeRecord("api.c", { kind: "api" }), shown] }]);
  const { json: first } = await ask("GET", "/v1/nodes?limit=1");
  expect(first["nodes"]).toMatchObject([{ node: "api.c" }]);
  const { json: second } = await ask("GET", `/v1/nodes?limit=1&cursor=${String(first["cursor"])}`);
  expect(second).toEqual({ nodes: [shown] });
});

it("an edge is told to drain, by an admin's key alone; what is no edge, or not there, is told nothing", async () => {
  const drain = async (node: string, as?: string) => {
    const { status, json } = await ask("POST", `/v1/nodes/${node}/drain`, as === undefined ? {} : { as });
    return [status, json["code"] ?? json["node"]];
  };
  expect(await drain("edge-1.a", key)).toEqual([403, "forbidden"]);
  expect(await drain("edge-1.a", await userToken("ann"))).toEqual([403, "forbidden"]);
  expect(await drain("edge-9.z")).toEqual([404, "not_found"]);
  expect(await drain("api.c")).toEqual([400, "invalid"]);
  expect(await drain("%20")).toEqual([400, "invalid"]);
  expect(await drain(`e${"x".repeat(64)}`)).toEqual([400, "invalid"]);
  expect(api.toldToDrain).toEqual([]);
  expect(await drain("edge-1.a")).toEqual([202, "edge-1.a"]);
  expect(api.toldToDrain).toEqual(["edge-1.a"]);
});

it("an edge that has drained, or never was, is told nothing, and the answer names those that live", async () => {
  const before = api.toldToDrain.length;
  const drain = async (node: string) => {
    const { status, json } = await ask("POST", `/v1/nodes/${node}/drain`);
    return [status, json["code"], json["detail"]];
  };
  api.nodeRecords.set("edge-2.b", nodeRecord("edge-2.b", { draining: true, left: true }));
  api.nodeRecords.set("edge-3.c", nodeRecord("edge-3.c", { draining: true }));
  const living = "edges that do: edge-1.a, edge-3.c";
  expect(await drain("edge-2.b")).toEqual([404, "not_found", `no node edge-2.b lives; ${living}`]);
  expect(await drain("edge-9.z")).toEqual([404, "not_found", `no node edge-9.z lives; ${living}`]);
  for (let n = 0; n < 20; n += 1) api.nodeRecords.set(`edge-4.${n}`, nodeRecord(`edge-4.${n}`));
  expect((await drain("edge-9.z"))[2]).toMatch(/edge-1\.a, edge-3\.c, (edge-4\.\d+, ){17}edge-4\.\d+ and 2 more$/);
  for (const node of ["edge-1.a", "edge-3.c"]) api.nodeRecords.delete(node);
  for (let n = 0; n < 20; n += 1) api.nodeRecords.delete(`edge-4.${n}`);
  expect(await drain("edge-2.b")).toEqual([404, "not_found", "no node edge-2.b lives; no edge does"]);
  expect(api.toldToDrain).toHaveLength(before);
});
