// What one row of the route table is. A row says who may call, what goes in, what comes out, and what does the work; the
// server makes a route of the framework from it, and the published documents come from the same row.
// Input is checked here and nowhere else, before the row's function sees it.
import type { FastifyInstance, FastifyRequest } from "fastify";
import Type from "typebox";
import type { Static, TSchema } from "typebox";
import type { Access, Caller } from "./callers.ts";
import type { ApiContext } from "./context.ts";
import type { Family } from "./metrics.ts";
import { schemaOf } from "./route-schema.ts";
import type { RouteTale } from "./route-schema.ts";
import { createCheck } from "./validation.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls, as the server found out before the route runs. */
    caller: Caller;
  }
  interface FastifyContextConfig {
    family?: Family;
    access?: Access;
    /** False for what a load balancer asks all the time. */
    limited?: boolean;
  }
}

/** A route without anything in its path, query or body. */
export const NOTHING = Type.Object({});

export interface Input<P, Q, B> {
  readonly caller: Caller;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly headers: FastifyRequest["headers"];
  /** The document that describes the served routes. */
  readonly document: () => object;
}

export interface Answer {
  readonly status: number;
  /** Text goes out as it is; anything else as JSON. */
  readonly body: object | string;
  /** For text that is not JSON. */
  readonly contentType?: string;
}

/** A row as it is written. */
export interface RouteRow<P extends TSchema, Q extends TSchema, B extends TSchema> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `:name` for parts that vary. */
  readonly url: string;
  readonly family: Family;
  readonly access: Access;
  readonly limited?: boolean;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly tells: RouteTale;
  handle(api: ApiContext, input: Input<Static<P>, Static<Q>, Static<B>>): Answer | Promise<Answer>;
}

/** A row whose types have been taken in. */
export interface Route {
  readonly method: string;
  readonly url: string;
  readonly add: (server: FastifyInstance, api: ApiContext) => void;
}

export function defineRoute<P extends TSchema, Q extends TSchema, B extends TSchema>(row: RouteRow<P, Q, B>): Route {
  const { method, url, family, access, limited = true } = row;
  const params = createCheck(row.params, "path");
  const query = createCheck(row.query, "query");
  const body = createCheck(row.body, "body");
  const add: Route["add"] = (server, api) => {
    server.route({
      method,
      url,
      schema: schemaOf(row),
      config: { family, access, limited },
      handler: async (request, reply) => {
        const { caller, headers } = request;
        const input = { params: params(request.params), query: query(request.query), body: body(request.body) };
        const answer = await row.handle(api, { ...input, caller, headers, document: () => server.swagger() });
        const type = answer.contentType ?? "application/json; charset=utf-8";
        return reply
          .code(answer.status)
          .header("content-type", type)
          .header("cache-control", "no-store")
          .send(answer.body);
      },
    });
  };
  return { method, url, add };
}
