// What a row of the route table looks like to the maker of the documents (OpenAPI 3.1). Called once per row at start.
// It describes and never checks: the same schemas are checked by the row itself.
import { ERRORS } from "@rookery/protocol";
import type { ErrorCode } from "@rookery/protocol";
import type { FastifySchema } from "fastify";
import type { TSchema } from "typebox";
import type { Access } from "./callers.ts";
import type { Family } from "./metrics.ts";

/** What the documents tell of a route beside its input. */
export interface RouteTale {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** Schemas of its answers by status. */
  readonly answers: Readonly<Record<number, TSchema>>;
  /** What it refuses with beside what every route of its access does. */
  readonly refuses?: readonly ErrorCode[];
  /** Of its answers; JSON unless said otherwise. */
  readonly contentType?: string;
  /** Of the body, where the row leaves the check of it to its function. */
  readonly body?: TSchema;
  readonly headers?: TSchema;
}

interface Described {
  readonly family: Family;
  readonly access: Access;
  readonly limited?: boolean;
  readonly params: TSchema;
  readonly query: TSchema;
  readonly body: TSchema;
  readonly tells: RouteTale;
}

/** Names under which the documents list the two kinds of credentials. */
export const SECURITY_SCHEMES = {
  apiKey: { type: "http", scheme: "bearer", bearerFormat: "rk_...", description: "API key of a backend" },
  userToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "token of a user" },
} as const;

const STATUS_WORDS: ReadonlyMap<string, string> = new Map([
  ["200", "Done"],
  ["201", "Created"],
  ["202", "Accepted"],
]);

const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };

/** Headers that a status always brings. */
const PROBLEM_HEADERS: ReadonlyMap<number, object> = new Map([
  [401, { "WWW-Authenticate": { type: "string", description: "always `Bearer`" } }],
  [429, { "Retry-After": { type: "string", description: "whole seconds to wait" } }],
]);

/** What any request can meet: it cannot be read, it is too large, we fail. */
const REFUSES_ALWAYS: readonly ErrorCode[] = ["bad_frame", "too_large", "internal"];
/** What a credential can meet; keys are looked up in Postgres. */
const REFUSES_CALLERS: readonly ErrorCode[] = ["unauthenticated", "token_expired", "forbidden", "unavailable"];

export function schemaOf(row: Described): FastifySchema {
  const { operationId, summary, description, answers, contentType = "application/json", headers } = row.tells;
  const body = row.tells.body ?? row.body;
  const response = Object.entries(answers).map(([status, schema]) => [
    status,
    { description: STATUS_WORDS.get(status) ?? "Done", content: { [contentType]: { schema } } },
  ]);
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [row.family],
    security: securityOf(row.access),
    ...(hasFields(row.params) ? { params: row.params } : {}),
    ...(hasFields(row.query) ? { querystring: row.query } : {}),
    ...(headers === undefined ? {} : { headers }),
    ...(hasFields(body) ? { body } : {}),
    response: { ...Object.fromEntries(response), ...refusalsOf(row) },
  };
}

/** Every status that a refusal of this row can have, with the codes that it may carry. */
function refusalsOf(row: Described): Readonly<Record<string, object>> {
  const { access, limited = true, tells } = row;
  const takes = [row.params, row.query, tells.body ?? row.body].some(hasFields);
  const codes = new Set<ErrorCode>([
    ...REFUSES_ALWAYS,
    ...(takes ? (["invalid"] as const) : []),
    ...(access === "anyone" ? [] : REFUSES_CALLERS),
    ...(limited ? (["rate_limited"] as const) : []),
    ...(tells.refuses ?? []),
  ]);
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { http, meaning } = ERRORS[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), `\`${code}\`: ${meaning}`]);
  }
  const answers = [...byStatus].map(([status, meanings]) => {
    const headers = PROBLEM_HEADERS.get(status);
    const answer = { description: meanings.join("; "), content: PROBLEM };
    return [status, headers === undefined ? answer : { ...answer, headers }] as const;
  });
  return Object.fromEntries(answers);
}

function hasFields(schema: TSchema): boolean {
  const { properties }: { properties?: unknown } = schema;
  return typeof properties === "object" && properties !== null && Object.keys(properties).length > 0;
}

/** Each entry is one way in; any of them will do. */
function securityOf(access: Access): { [scheme: string]: readonly string[] }[] {
  if (access === "anyone") return [];
  const shown = [...(access.scopes.length > 0 ? [{ apiKey: [] }] : []), ...(access.users ? [{ userToken: [] }] : [])];
  return access.strangers === true ? [...shown, {}] : shown;
}
