// Property of the whole server: whatever a client sends, the answer is one that the document declares, and never a fault.
import { ERRORS } from "@rookery/protocol";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { anyCharacter } from "../../../tests/any-character.ts";
import { BOOTSTRAP_KEY } from "./fake-context.fixture.ts";
import { fakeServer, userToken } from "./fake-server.fixture.ts";
import { PROBLEM_TYPE } from "./problem.ts";
import { servedRoutes } from "./routes.ts";

const RUNS = 120 * inject("fuzzTimes");

const { ask, api } = await fakeServer();
const { json: document } = await ask("GET", "/v1/openapi.json", { as: null });
const declared: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>> = JSON.parse(
  JSON.stringify(document["paths"]),
);
const table = servedRoutes(api).map(({ method, url }) => ({ method, url }));
const token = await userToken("ann");

const segment = fc.oneof(
  fc.constantFrom(
    "lobby",
    "dm:x",
    "a",
    "-",
    "..",
    "%2e%2e",
    "%00",
    "%zz",
    "%F0%9F%98%80",
    "a".repeat(65),
    "a".repeat(2000),
    "",
  ),
  fc.string().map(encodeURIComponent.bind(undefined)),
);
const position = fc.constantFrom(
  "0-0",
  "1-1",
  "9007199254740991-1",
  "9999999999999999-1",
  "-",
  "1",
  "",
  "1-1-1",
  "٣-٣",
);
const query = fc
  .dictionary(
    fc.constantFrom("before", "after", "limit", "x", "__proto__", "limit[]", "cursor", "kind"),
    fc.oneof(position, fc.string(), fc.constantFrom("public", "private", "YQ", "LXg")),
    {
      maxKeys: 3,
    },
  )
  .map((fields) => new URLSearchParams(Object.entries(fields)).toString());
/** Text that Unicode has and few expect. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: anyCharacter }),
  fc.constantFrom("", " ", "a\u0000b", "\ud800", "\u202e", "\u200b", "x".repeat(5000), "a\r\nb", "\u0300".repeat(500)),
);
const settings = fc.dictionary(
  fc.constantFrom("digestAbove", "countAbove", "slowModeSec", "memberCap", "x"),
  fc.oneof(fc.jsonValue(), fc.constantFrom(0, 1, 5, 1e9, 1.5, -0, null)),
);
const WORDS = ["public", "password", "direct", "owner", "reader"] as const;
const fields = fc
  .dictionary(
    fc.constantFrom(
      "user",
      "name",
      "ttlSec",
      "claims",
      "refreshToken",
      "body",
      "clientId",
      "replyTo",
      "meta",
      "type",
      "ref",
      "channel",
      "id",
      "kind",
      "owner",
      "settings",
      "password",
      "evict",
      "with",
      "role",
      "untilMs",
      "forSec",
      "reason",
      "jti",
      "issuedBeforeMs",
      "code",
    ),
    fc.oneof(text, fc.jsonValue(), settings, fc.constantFrom(0, -1, 1.5, 60, 2_592_001, null, true, ...WORDS)),
  )
  .map((value) => ({ body: "hi", user: "ann", ...value }));
const body = fc.oneof(
  fields.map((value) => JSON.stringify(value)),
  fc.jsonValue({ maxDepth: 20 }).map((value) => JSON.stringify(value)),
  fc.string(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    "",
    "{",
    "null",
    "[".repeat(5000),
    `${'{"a":'.repeat(4500)}1${"}".repeat(4500)}`,
    '{"meta":{"a":1e999}}',
    "\ufeff{}",
  ),
);
const headers = fc.record(
  {
    "content-type": fc.constantFrom(
      "application/json",
      "application/json; charset=latin1",
      "text/plain",
      "",
      "application/json;",
      ";",
    ),
    "idempotency-key": fc.constantFrom("k1", '"k1"', "", "a b", "\u00e9", "k".repeat(100)),
    origin: fc.constantFrom("null", "http://localhost:3000", "x"),
    accept: fc.constantFrom("text/html", "*/*;q=0", ""),
    "x-forwarded-for": fc.constantFrom("1.2.3.4", "x", ", ,", "::1"),
    "access-control-request-method": fc.constantFrom("POST", ""),
  },
  { requiredKeys: [] },
);
const as = fc.oneof(
  fc.constantFrom(BOOTSTRAP_KEY),
  fc.constantFrom(null, token, "x.y.z", "rk_", "", "a b", `${token}x`, "x".repeat(9000)),
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "OPTIONS", "DELETE", "PROPFIND"),
  route: fc.constantFrom(
    ...table.map(({ url }) => url),
    "/",
    "/v1",
    "/docs",
    "/v1/channels/:id",
    "//",
    "/v1/tokens/",
    "/V1/tokens",
  ),
  parts: fc.tuple(segment, segment),
  query,
  body: fc.oneof({ weight: 3, arbitrary: body }, { weight: 1, arbitrary: fc.constant(undefined) }),
  headers,
  as,
});

it("answers whatever it is asked with what its document declares, and never with a fault", async () => {
  await fc.assert(
    fc.asyncProperty(request, async (sent) => {
      const [id, user] = sent.parts;
      const path = sent.route.replace(":id", () => id).replace(":user", () => user);
      const url = path + (sent.query === "" ? "" : `?${sent.query}`);
      const { status, json, headers: got } = await ask(sent.method, url, sent);
      const code = String(json["code"]);
      const isProblem = got["content-type"] === PROBLEM_TYPE && json["status"] === status && code in ERRORS;
      const operation = declared[sent.route.replaceAll(/:(\w+)/g, "{$1}")]?.[sent.method.toLowerCase()];
      const isDeclared = operation === undefined || String(status) in operation.responses;
      expect({
        status,
        isFault: status === 500,
        isWhole: status < 400 || isProblem,
        // A part of a path that is empty or has a slash in it makes another path.
        isDeclared: isDeclared || status === 404 || (status === 405 && got["allow"] !== undefined),
      }).toEqual({ status, isFault: false, isWhole: true, isDeclared: true });
    }),
    { numRuns: RUNS },
  );
  expect(api.faults).toEqual([]);
});
