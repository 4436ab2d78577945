// What a row of the route table looks like to the maker of the documents (OpenAPI 3.1). Called once per row at start.
// It describes and never checks: the same schemas are checked by the row itself.
import type { FastifySchema } from "fastify";
import type { TSchema } from "typebox";
import type { Access } from "./callers.ts";
import type { Family } from "./metrics.ts";
import { ProblemSchema } from "./problem.ts";

/** What the documents tell of a route beside its input. */
export interface RouteTale {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** Schemas of its answers by status. */
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Of its answers; JSON unless said otherwise. */
  readonly contentType?: string;
  /** Of the body, where the row leaves the check of it to its function. */
  readonly body?: TSchema;
  readonly headers?: TSchema;
}

interface Described {
  readonly family: Family;
  readonly access: Access;
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

const PROBLEM_ANSWER = {
  description: "Refused, as a problem document (RFC 9457)",
  content: { "application/problem+json": { schema: ProblemSchema } },
};

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
    response: { ...Object.fromEntries(response), default: PROBLEM_ANSWER },
  };
}

function hasFields(schema: TSchema): boolean {
  const { properties }: { properties?: unknown } = schema;
  return typeof properties === "object" && properties !== null && Object.keys(properties).length > 0;
}

/** Each entry is one way in; any of them will do. */
function securityOf(access: Access): { [scheme: string]: readonly string[] }[] {
  if (access === "anyone") return [];
  return [...(access.scopes.length > 0 ? [{ apiKey: [] }] : []), ...(access.users ? [{ userToken: [] }] : [])];
}
