// The public HTTP server: the framework with its plugins, what happens around every route (headers, origins, gate, count),
// and the one place where errors leave as problem documents. Built by main; knows no route by name.
import type { Socket } from "node:net";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { ChatError, LAYER_FRAME_BYTES } from "@rookery/protocol";
import fastify from "fastify";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiContext } from "./context.ts";
import { createGate } from "./gate.ts";
import type { GateOptions } from "./gate.ts";
import type { Family } from "./metrics.ts";
import { createCheckOrigin } from "./origins.ts";
import { faultOf, problemHeaders, problemOf, refusalOf } from "./problem.ts";
import { SECURITY_SCHEMES } from "./route-schema.ts";
import { servedRoutes } from "./routes.ts";

export interface ServerOptions extends GateOptions {
  readonly trustedProxies: readonly string[];
  readonly allowedOrigins: readonly string[];
}

const DOCS_PATH = "/docs";
/** Long enough for a path that is refused with a word about the id rather than as unknown. */
const MAX_PATH_PART_CHARS = 1024;
/** From the first byte of a request to its last: nobody may hold a socket with a body that never ends. */
const REQUEST_MS = 15_000;

/** Scripts and styles from here only; nothing may frame the page. */
const CONTENT_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    imgSrc: ["'self'", "data:"],
    objectSrc: ["'none'"],
  },
};

/** A server that is ready to listen. */
export async function createServer(api: ApiContext, options: ServerOptions): Promise<FastifyInstance> {
  const { trustedProxies, allowedOrigins } = options;
  const server = fastify({
    logger: false,
    bodyLimit: LAYER_FRAME_BYTES,
    requestTimeout: REQUEST_MS,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    // What is in flight when the process stops is answered as ever.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PATH_PART_CHARS },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, refusalOf(error) ?? faultOf()),
    clientErrorHandler: refuseSocket,
  });
  await server.register(helmet, { contentSecurityPolicy: CONTENT_POLICY });
  await server.register(rateLimit, { global: false });
  await server.register(swagger, { openapi: documentFrame(api.version) });
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  readJson(server);
  answerErrors(server, api);
  surround(server, api, createCheckOrigin(new Set(allowedOrigins)), createGate(server, api, options));
  await server.register(swaggerUi, { routePrefix: DOCS_PATH });
  for (const route of servedRoutes(api)) route.add(server, api);
  await server.ready();
  return server;
}

function documentFrame(version: string) {
  return {
    openapi: "3.1.0",
    info: { title: "Rookery", version, description: "Tokens, channels and messages of a Rookery cluster." },
    tags: [
      { name: "tokens", description: "Tokens of users" },
      { name: "messages", description: "Messages of channels" },
      { name: "documents", description: "The api about itself" },
      { name: "health", description: "Signs of life" },
    ],
    components: { securitySchemes: SECURITY_SCHEMES },
  };
}

/** JSON in UTF-8 and nothing else; keys that reach a prototype are refused. A body of no bytes is none. */
function readJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser("error", "error");
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    if (bytes.length === 0) {
      done(null, undefined);
      return;
    }
    let text: string;
    try {
      text = typeof bytes === "string" ? bytes : utf8.decode(bytes);
    } catch {
      done(new ChatError("bad_frame", "the body must be JSON in UTF-8"));
      return;
    }
    void parse(request, text, done);
  });
}

function answerErrors(server: FastifyInstance, { log }: ApiContext): void {
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal === undefined) {
      log.error({ err: error, method: request.method, route: request.routeOptions.url }, "request failed");
    }
    return sendProblem(reply, refusal ?? faultOf());
  });
  server.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, new ChatError("not_found", "there is nothing here")),
  );
}

/** What happens around every request, also one that no route answers. */
function surround(
  server: FastifyInstance,
  { metrics }: ApiContext,
  checkOrigin: ReturnType<typeof createCheckOrigin>,
  gate: (request: FastifyRequest) => Promise<void>,
): void {
  server.decorateRequest("caller");
  server.addHook("onRequest", async (request, reply) => {
    if (checkOrigin(request, reply) === "answered") return reply;
    await gate(request);
    return undefined;
  });
  server.addHook("onResponse", (request, reply, done) => {
    metrics.answered(familyOf(request), reply.statusCode, reply.elapsedTime);
    done();
  });
}

function familyOf({ routeOptions: { config, url } }: FastifyRequest): Family {
  if (config.family !== undefined) return config.family;
  return url?.startsWith(DOCS_PATH) === true ? "documents" : "unknown";
}

function sendProblem(reply: FastifyReply, error: ChatError): FastifyReply {
  const problem = problemOf(error);
  return reply.code(problem.status).headers(problemHeaders(problem)).send(JSON.stringify(problem));
}

/** What is no HTTP that can be read gets its problem by hand, since there is no request to answer. */
function refuseSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const problem = problemOf(
    tooLarge
      ? new ChatError("too_large", "the headers are over their limit")
      : new ChatError("bad_frame", "this is no HTTP"),
  );
  const text = JSON.stringify(problem);
  const headers = {
    ...problemHeaders(problem),
    "content-length": String(Buffer.byteLength(text)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} Refused\r\n${lines.join("")}\r\n${text}`);
}
