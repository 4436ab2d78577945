// Every example of the document is carried out on a running cluster, in the order of its table: what the documents show is
// what happens.
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import Schema from "typebox/schema";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES } from "./examples.ts";
import type { Example } from "./examples.ts";

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>>;
}

let cluster: Cluster;
const operations = new Map<string, Operation>();
/** What a text of an example's answer stood for, when it was carried out. */
const meant = new Map<string, string>();

beforeAll(async () => {
  cluster = await startCluster({ edges: 2 });
  const text = await (await fetch(`${cluster.ready.api}/v1/openapi.json`)).text();
  const document: { paths: Record<string, Record<string, Operation & { operationId: string }>> } = JSON.parse(text);
  for (const [path, methods] of Object.entries(document.paths)) {
    if (path === "/ws") continue;
    for (const [method, { operationId, responses }] of Object.entries(methods)) {
      operations.set(operationId, { method: method.toUpperCase(), path, responses });
    }
  }
});
afterAll(() => cluster?.stop());

/** The value with each text that an earlier answer gave in the place of what the example calls it. */
function real(value: unknown): unknown {
  if (typeof value === "string") return meant.get(value) ?? value;
  if (Array.isArray(value)) return value.map(real);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, real(each)]));
}

function learn(shown: unknown, told: unknown): void {
  // The first that is called so: a list may begin with another.
  if (typeof shown === "string" && typeof told === "string" && !meant.has(shown)) meant.set(shown, told);
  if (typeof shown !== "object" || shown === null || typeof told !== "object" || told === null) return;
  const answered = new Map(Object.entries(told));
  for (const [name, each] of Object.entries(shown)) learn(each, answered.get(name));
}

function credentialOf({ as = "key" }: Example): Record<string, string> {
  if (as === "anyone") return {};
  const token = as === "key" ? cluster.ready.apiKey : String(real("second.access.token"));
  return { authorization: `Bearer ${token}` };
}

async function carryOut({ method, path }: Operation, example: Example): Promise<Response> {
  const filled = path.replaceAll(/{(\w+)}/g, (_, name: string) =>
    encodeURIComponent(String(real(example.path?.[name] ?? ""))),
  );
  const url = new URL(filled, cluster.ready.api);
  for (const [name, value] of Object.entries(example.query ?? {})) url.searchParams.set(name, String(real(value)));
  return fetch(url, {
    method,
    headers: {
      ...credentialOf(example),
      ...example.headers,
      ...(example.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(example.body === undefined ? {} : { body: JSON.stringify(real(example.body)) }),
  });
}

it("there is one of each operation, and no other", () => {
  expect(Object.keys(EXAMPLES).toSorted()).toEqual([...operations.keys()].toSorted());
});

it.each(Object.entries(EXAMPLES))("%s answers as it is shown", async (operationId, example) => {
  const operation = operations.get(operationId);
  if (operation === undefined) throw new Error(`${operationId} is not served`);
  // What was said a moment ago may not have reached Postgres yet.
  await eventually(async () => {
    const response = await carryOut(operation, example);
    const text = await response.text();
    expect([operationId, response.status, response.ok ? "" : text]).toEqual([operationId, response.status, ""]);
    const schema = operation.responses[response.status]?.content?.["application/json"]?.schema;
    if (example.answer === undefined) return;
    expect(schema).toBeDefined();
    const told: unknown = JSON.parse(text);
    expect([operationId, told, Schema.Check(schema ?? {}, told)]).toEqual([operationId, told, true]);
    expect(Object.keys(Object(told))).toEqual(expect.arrayContaining(Object.keys(Object(example.answer))));
    learn(example.answer, told);
  });
});
