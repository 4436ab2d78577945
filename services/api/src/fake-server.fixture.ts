// A server over a context without servers, and the shortest way to ask it something. Only tests use it.
import type { FastifyInstance, InjectOptions } from "fastify";
import { BOOTSTRAP_KEY, fakeContext, minter } from "./fake-context.fixture.ts";
import type { FakeContext, FakeOptions } from "./fake-context.fixture.ts";
import { createServer } from "./server.ts";
import type { ServerOptions } from "./server.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface FakeServer {
  readonly api: FakeContext;
  readonly server: FastifyInstance;
  ask(this: void, method: Method, url: string, options?: Ask): Promise<Reply>;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "OPTIONS" | "DELETE" | "PROPFIND";

interface Ask {
  /** The credential; the admin's key when left out, none when null. */
  readonly as?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

export async function fakeServer(options: FakeOptions & Partial<ServerOptions> = {}): Promise<FakeServer> {
  const api = fakeContext(options);
  const defaults = { trustedProxies: [], allowedOrigins: [], requestsPerMin: 100_000, loopbackExempt: false };
  const server = await createServer(api, { ...defaults, ...options });
  return {
    api,
    server,
    async ask(method, url, { as = BOOTSTRAP_KEY, body, headers = {}, address } = {}) {
      const request: InjectOptions = {
        method,
        url,
        headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...headers },
        ...(body === undefined ? {} : { payload: isFinished(body) ? body : JSON.stringify(body) }),
        ...(address === undefined ? {} : { remoteAddress: address }),
      };
      if (body !== undefined) request.headers = { "content-type": "application/json", ...request.headers };
      const answer = await server.inject(request);
      const isJson = /json/.test(String(answer.headers["content-type"]));
      const json: Readonly<Record<string, unknown>> = isJson ? JSON.parse(answer.body) : {};
      return { status: answer.statusCode, headers: answer.headers, text: answer.body, json };
    },
  };
}

/** Whether a body goes out as it is. */
function isFinished(body: unknown): body is string | Buffer {
  return typeof body === "string" || Buffer.isBuffer(body);
}

export async function userToken(user: string, name?: string): Promise<string> {
  return (await minter.mint({ user, name, ttlSec: 60 })).token;
}
