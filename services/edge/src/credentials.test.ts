import { describe, expect, it } from "vitest";
import { echoedProtocol, findCredential } from "./credentials.ts";
import type { Credential } from "./credentials.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
const isAllowed = (origin: string): boolean => origin === "https://chat.example";
const bare: UpgradeRequest = {
  ...{ upgrade: "websocket", connection: "Upgrade", version: "13", key: "", extensions: "" },
  ...{ authorization: "", protocols: "", query: "", cookie: "", origin: "", userAgent: "", forwardedFor: [] },
};
const item = `bearer.${Buffer.from(JWT).toString("base64url")}`;

const rows: readonly (readonly [string, Partial<UpgradeRequest>, Partial<Credential>])[] = [
  ["takes the Authorization header", { authorization: `Bearer ${JWT}` }, { kind: "token", token: JWT }],
  ["takes the sub-protocol item", { protocols: `rookery.v1, ${item}` }, { kind: "token", token: JWT }],
  ["prefers the header to the sub-protocol item", { authorization: "Bearer x", protocols: item }, { token: "x" }],
  ["prefers the sub-protocol item to a ticket", { protocols: item, query: "ticket=t" }, { token: JWT }],
  ["takes a ticket", { query: "ticket=abc" }, { kind: "ticket", ticket: "abc" }],
  [
    "takes the cookie with an allowed origin",
    { cookie: "a=b; rookery_token=t", origin: "https://chat.example" },
    { kind: "token", token: "t" },
  ],
  ["refuses the cookie without an origin", { cookie: "rookery_token=t" }, { reason: "cookie_without_origin" }],
  [
    "refuses an origin that is not on the list",
    { origin: "https://evil.example" },
    { kind: "refused", reason: "origin" },
  ],
  [
    "refuses an origin that only begins like one on the list",
    { origin: "https://chat.example.evil" },
    { kind: "refused" },
  ],
  ["refuses the origin null", { origin: "null" }, { kind: "refused", reason: "origin" }],
  ["refuses a token in the query string", { query: `token=${JWT}` }, { kind: "refused", reason: "token_in_query" }],
  [
    "refuses a token under any name in the query string",
    { query: `x=${JWT}` },
    { kind: "refused", reason: "token_in_query" },
  ],
  ["waits for an auth frame when nothing was offered", {}, { kind: "awaited" }],
];

describe("an upgrade request", () => {
  it.each(rows)("%s", (_name, request, expected) => {
    expect(findCredential({ ...bare, ...request }, isAllowed)).toMatchObject(expected);
  });

  it("has only rookery.v1 echoed, and only when it was offered", () => {
    expect(echoedProtocol(`rookery.v1, ${item}`)).toBe("rookery.v1");
    expect(echoedProtocol(item)).toBe("");
    expect(echoedProtocol("")).toBe("");
  });
});
