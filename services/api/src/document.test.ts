// Contract of the published document: it says what the server does, and holds what those who read documents ask of one.
import { isUserId } from "@rookery/protocol";
import type { FastifyInstance } from "fastify";
import { describe, expect, it } from "vitest";
import { fakeServer } from "./fake-server.fixture.ts";
import { servedRoutes } from "./routes.ts";

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: { readonly pattern?: string };
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, { schema: object }>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>;
  readonly security: readonly object[];
}

/** What the router itself knows, but for the page with its files and for HEAD, which comes with every GET. */
function routesOf(server: FastifyInstance): string[] {
  const parts: string[] = [];
  const lines = server.printRoutes({ commonPrefix: false }).matchAll(/^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?$/gm);
  return [...lines].flatMap(([, indent = "", part = "", methods = ""]) => {
    parts.splice(indent.length / 4, Infinity, part);
    const path = parts.join("").replace(/:(\w+)/g, "{$1}");
    const served = methods.split(", ").filter((method) => method !== "HEAD" && method !== "");
    return path.startsWith("/docs") ? [] : served.map((method) => `${method} ${path}`);
  });
}

describe("the document", async () => {
  const { ask, api, server } = await fakeServer();
  const { json, status } = await ask("GET", "/v1/openapi.json", { as: null });
  const { paths: all, ...document }: { paths: Record<string, Record<string, Operation>>; [key: string]: unknown } =
    JSON.parse(JSON.stringify(json));
  // Served by edges, and told here for whoever looks for it.
  const { "/ws": socket, ...paths } = all;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

  it("is OpenAPI 3.1", () => {
    expect(status).toBe(200);
    expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "Rookery", version: "0.0.0" } });
  });

  it("lists exactly the routes that are served", () => {
    const listed = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).toSorted();
    const tabled = servedRoutes(api).map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, "{$1}")}`);
    expect(listed).toEqual(tabled.toSorted());
    expect(listed).toEqual(routesOf(server).toSorted());
  });

  it("leaves out what this deployment does not serve, and so does the server", async () => {
    const other = await fakeServer({ guests: false });
    expect(Object.keys(Object(other.server.swagger().paths))).not.toContain("/v1/auth/guest");
    expect((await other.ask("POST", "/v1/auth/guest", { as: null })).json["code"]).toBe("not_found");
    const foreign = await fakeServer({ signs: false });
    expect(Object.keys(Object(foreign.server.swagger().paths))).not.toContain("/v1/tokens");
    expect((await foreign.ask("POST", "/v1/tokens", { body: { user: "a" } })).json["code"]).toBe("not_found");
  });

  const operation = (id: string): Operation => {
    const found = operations.find((each) => each.operation.operationId === id);
    if (found === undefined) throw new Error(`no operation ${id}`);
    return found.operation;
  };

  it("says where the server is, under which license, and what each tag is about", () => {
    expect(document).toMatchObject({ servers: [{ url: "/" }], info: { license: { identifier: "MIT" } } });
    const tags: readonly { name: string; description: string }[] = JSON.parse(JSON.stringify(document["tags"]));
    const used = new Set([...operations.flatMap((each) => each.operation.tags), ...(socket?.["get"]?.tags ?? [])]);
    expect(tags.map(({ name }) => name).toSorted()).toEqual([...used].toSorted());
    expect(tags.every(({ description }) => description.length > 0)).toBe(true);
  });

  it("names every operation once, says what it does, and names every part of a path", () => {
    const names = operations.map((each) => each.operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { path, operation: each } of operations) {
      expect([each.operationId, each.summary, ...each.tags]).not.toContain("");
      const inPath = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name);
      const parameters = each.parameters ?? [];
      expect(parameters.filter((one) => one.in === "path").map(({ name }) => name)).toEqual(inPath);
      expect(parameters.every((one) => one.in !== "path" || one.required)).toBe(true);
      expect(parameters.every(({ description = "" }) => description.length > 0)).toBe(true);
    }
  });

  it("declares every answer of every operation, refusals as problems", () => {
    for (const { operation: each } of operations) {
      const { responses } = each;
      const statuses = Object.keys(responses);
      const isForCallers = each.security.length > 0;
      expect(statuses).toEqual(expect.arrayContaining(["400", "413", "500", ...(isForCallers ? ["401", "403"] : [])]));
      expect(statuses.includes("429")).toBe(each.operationId !== "livez");
      expect(statuses.some((code) => code.startsWith("2"))).toBe(true);
      expect(Object.values(responses).every(({ description }) => description.length > 0)).toBe(true);
      const refusals = Object.entries(responses).filter(([code]) => !code.startsWith("2"));
      const problem = { schema: { $ref: "#/components/schemas/Problem" } };
      for (const [, { content }] of refusals) expect(content).toEqual({ "application/problem+json": problem });
    }
    expect(Object.keys(operation("publishMessage").responses)).toEqual(
      expect.arrayContaining(["404", "409", "503", "504"]),
    );
  });

  it("tells where sockets are opened, and how that may end", () => {
    expect(Object.keys(socket?.["get"]?.responses ?? {})).toEqual(["101", "400", "403", "426", "429", "503"]);
    expect(socket?.["get"]?.parameters?.map(({ name }) => name)).toContain("ticket");
  });

  it("refers only to what it holds, and holds only what is referred to", () => {
    const { schemas, securitySchemes }: { schemas: object; securitySchemes: object } = JSON.parse(
      JSON.stringify(document["components"]),
    );
    const named = [...JSON.stringify(paths).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect([...new Set(named)]).toEqual(Object.keys(schemas));
    expect(JSON.stringify(paths).split('"$ref"')).toHaveLength(named.length + 1);
    const used = operations.flatMap((each) => each.operation.security.flatMap((one) => Object.keys(one)));
    expect([...new Set(used)].toSorted()).toEqual(Object.keys(securitySchemes).toSorted());
  });

  it("says which bodies may be left out, and which positions exclude each other", () => {
    const required = operations.flatMap((each) => {
      const { operationId, requestBody } = each.operation;
      return requestBody === undefined ? [] : [[operationId, requestBody.required]];
    });
    expect(Object.fromEntries(required)).toEqual({
      mintToken: true,
      refreshToken: true,
      guestToken: false,
      logout: false,
      publishMessage: true,
      createChannel: true,
      changeChannel: false,
      giveRole: true,
      giveBan: false,
      giveMute: false,
      kickUser: false,
      banUser: false,
      revokeTokens: true,
      disconnectUser: false,
      notifyUser: true,
    });
    expect(operation("listMessages").description).toMatch(/`before` together with `after` is `invalid`/);
  });

  it("gives user ids and keys of repeats the form that the server holds them to", async () => {
    const field = (id: string, name: string): RegExp => {
      const body: object = { ...operation(id).requestBody?.content["application/json"]?.schema };
      const { [name]: schema } = Object(Object(body)["properties"]);
      return new RegExp(String(Object(schema)["pattern"]), "u");
    };
    for (const user of [
      "",
      "a",
      "ann",
      " ann",
      "ann ",
      "a b",
      "a\u0007b",
      "a\n",
      "a\u202eb",
      "\u00a0a",
      "\u0085",
      "é",
      "dm:x",
    ]) {
      expect([user, field("mintToken", "user").test(user)]).toEqual([user, isUserId(user)]);
      expect([user, field("publishMessage", "user").test(user)]).toEqual([user, isUserId(user)]);
    }
    const parameters = operation("publishMessage").parameters ?? [];
    const form = new RegExp(parameters.find(({ name }) => name === "idempotency-key")?.schema.pattern ?? "never");
    for (const key of ["", "k", '"k"', '"k', "a b", "a,b", '""', "k".repeat(64), "k".repeat(65)]) {
      const headers = { "idempotency-key": key };
      const reply = await ask("POST", "/v1/channels/keys/messages", { headers, body: { body: "same" } });
      expect([key, reply.status < 300]).toEqual([key, form.test(key)]);
    }
  });

  it("can be read on a page that runs no foreign and no inline script", async () => {
    const reply = await ask("GET", "/docs", { as: null });
    expect([reply.status, reply.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = String(reply.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toContain("unsafe-inline");
    expect(reply.text).not.toMatch(/<script(?![^>]*src=)/);
    expect((await ask("GET", "/docs/static/swagger-ui.css", { as: null })).status).toBe(200);
    expect((await ask("GET", "/docs/static/../../package.json", { as: null })).status).toBe(404);
  });

  it("on a cluster for this machine's pages may be used to try its sockets as well", async () => {
    const local = await fakeServer({ allowedOrigins: ["loopback"] });
    const { headers } = await local.ask("GET", "/docs", { as: null });
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("connect-src 'self' ws://localhost:* ws://127.0.0.1:*;");
    expect(policy).not.toContain("unsafe-inline");
  });
});
