// The public HTTP server: the framework with its plugins, what happens around every route (headers, origins, gate, count),
// and the one way in which errors leave, as problem documents. Built by main; knows no route by name.
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { ChatError } from "@rookery/protocol";
import { createOriginAllowed } from "@rookery/runtime";
import fastify from "fastify";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { createAllowedMethods, methodRefusal } from "./allowed-methods.ts";
import type { AllowedMethods } from "./allowed-methods.ts";
import { closeOverUnreadBodies, createBrokenSockets, takeRest } from "./connection.ts";
import { contentPolicy } from "./content-policy.ts";
import type { ApiContext } from "./context.ts";
import { documentFrame, completed } from "./document.ts";
import { createGate } from "./gate.ts";
import type { GateOptions } from "./gate.ts";
import { MAX_BODY_BYTES, readJsonBody } from "./json-body.ts";
import type { Family } from "./metrics.ts";
import { createCheckOrigin } from "./origins.ts";
import { servePage } from "./page.ts";
import type { PageOptions } from "./page.ts";
import { faultOf, METHOD_STATUS, problemHeaders, problemOf, refusalOf } from "./problem.ts";
import { servedRoutes } from "./routes.ts";

export interface ServerOptions extends GateOptions {
  readonly allowedOrigins: readonly string[];
  /** The chat page, where it is served. */
  readonly chatPage?: PageOptions | undefined;
}

const DOCS_PATH = "/docs";
/** Long enough for a path that is refused with a word about the id rather than as unknown. */
const MAX_PATH_PART_CHARS = 1024;
/** From the first byte of a request to its last: nobody may hold a socket with a body that never ends. */
const REQUEST_MS = 15_000;
/** How often that is looked at; by itself Node does so every 30 s. */
const REQUEST_CHECK_MS = 5_000;

/** A server that is ready to listen. */
export async function createServer(api: ApiContext, options: ServerOptions): Promise<FastifyInstance> {
  const brokenSockets = createBrokenSockets();
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    http: { connectionsCheckingInterval: REQUEST_CHECK_MS },
    // What is in flight when the process stops is answered as ever.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PATH_PART_CHARS },
    frameworkErrors: refuseUnrouted,
    clientErrorHandler: brokenSockets.refuse,
  });
  server.addHook("onRequest", (request, reply, done) => {
    brokenSockets.began(request.raw, reply.raw);
    done();
  });
  closeOverUnreadBodies(server);
  await server.register(helmet, { contentSecurityPolicy: contentPolicy(options) });
  await server.register(rateLimit, { global: false });
  await server.register(swagger, {
    openapi: documentFrame(api.version),
    transformObject: (made) => completed("openapiObject" in made ? made.openapiObject : made.swaggerObject),
  });
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  readJson(server);
  answerErrors(server, api);
  surround(
    server,
    api,
    createCheckOrigin(createOriginAllowed(options.allowedOrigins)),
    createGate(server, api, options),
  );
  await server.register(swaggerUi, { routePrefix: DOCS_PATH });
  for (const route of servedRoutes(api)) route.add(server, api);
  if (options.chatPage) await servePage(server, options.chatPage);
  await server.ready();
  return server;
}

/** JSON in UTF-8 and nothing else. */
function readJson(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  const read = async (_request: FastifyRequest, bytes: Buffer): Promise<unknown> => readJsonBody(bytes);
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, read);
}

function answerErrors(server: FastifyInstance, { log }: ApiContext): void {
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal === undefined) {
      log.error({ err: error, method: request.method, route: request.routeOptions.url }, "request failed");
    }
    return sendProblem(reply, refusal ?? faultOf());
  });
}

/** What happens around every request, also one that no route answers. */
function surround(
  server: FastifyInstance,
  api: ApiContext,
  checkOrigin: ReturnType<typeof createCheckOrigin>,
  gate: ReturnType<typeof createGate>,
): void {
  server.decorateRequest("caller");
  const allowedMethods = createAllowedMethods(servedRoutes(api));
  // For a file that the page has not; all other unknown paths are refused by the hook.
  server.setNotFoundHandler((request, reply) => refuseUnknown(request, reply, allowedMethods));
  server.addHook("onRequest", async (request, reply) => {
    if (checkOrigin(request, reply) === "answered") return reply;
    await gate(request, reply);
    // Here rather than in a handler, before which the framework would read a body that nobody wants.
    return request.is404 ? refuseUnknown(request, reply, allowedMethods) : undefined;
  });
  server.addHook("onResponse", (request, reply, done) => {
    api.metrics.answered(familyOf(request), reply.statusCode, reply.elapsedTime);
    done();
  });
}

/** A path that nobody declared, or a method that a declared one has not. */
function refuseUnknown({ method, url }: FastifyRequest, reply: FastifyReply, allowed: AllowedMethods): FastifyReply {
  const methods = allowed(url.split("?", 1)[0] ?? "");
  if (methods === undefined) return sendProblem(reply, new ChatError("not_found", "there is nothing here"));
  return sendProblem(reply.header("allow", methods.join(", ")), methodRefusal(method, methods), METHOD_STATUS);
}

function familyOf({ routeOptions: { config, url } }: FastifyRequest): Family {
  if (config.family !== undefined) return config.family;
  return url?.startsWith(DOCS_PATH) === true ? "documents" : "unknown";
}

/** What the router refuses by itself comes past no hook. */
function refuseUnrouted(fault: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  answerUnrouted(fault, request, reply).catch(() => request.raw.destroy());
}

async function answerUnrouted(fault: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!(await takeRest(request.raw))) void reply.header("connection", "close");
  await sendProblem(reply, refusalOf(fault) ?? faultOf());
}

function sendProblem(reply: FastifyReply, error: ChatError, status?: number): FastifyReply {
  const problem = problemOf(error, status);
  return reply.code(problem.status).headers(problemHeaders(problem)).send(JSON.stringify(problem));
}
