// The internal port of a process: liveness, readiness, metrics and the start of a drain, for operators and probes only.
// Started by a service's main. It knows no dependency by itself: readiness is what the named checks say.
// States: open, closed. A round of checks is shared by all who ask while it runs.
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Answers undefined when all is well, else what is wrong, in words without secrets. */
export interface ReadinessCheck {
  readonly name: string;
  /** Told with `?verbose` and never a reason for 503: what an operator should know while clients are served all the same. */
  readonly advisory?: true;
  check(): Promise<string | undefined>;
}

export interface InternalServerOptions {
  /** Loopback unless an operator says otherwise. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly checks: readonly ReadinessCheck[];
  readonly metrics: Pick<Metrics, "render">;
  readonly log: Pick<Log, "warn" | "error">;
  /** Begins a drain and returns at once; without it `POST /drain` is not found. */
  readonly drain?: (() => void) | undefined;
  /** How long one check may take before it counts as failed. */
  readonly checkMs?: number | undefined;
}

export interface InternalServer {
  readonly port: number;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

export interface CheckResult {
  readonly name: string;
  readonly advisory?: true;
  readonly ok: boolean;
  readonly detail?: string;
  readonly tookMs: number;
}

type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> | void;
interface Route {
  readonly methods: readonly string[];
  readonly answer: Answer;
}

const CHECK_MS = 1000;
const MAX_BODY_BYTES = 1024;
const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 64;
const READ_METHODS = ["GET", "HEAD"];

/** Listens, then answers. Rejects when the port is taken or not allowed. */
export async function startInternalServer(options: InternalServerOptions): Promise<InternalServer> {
  const routes = routeTable(options);
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: 5000,
    requestTimeout: 5000,
    keepAliveTimeout: 5000,
  };
  const server = createServer(limits, (request, response) => {
    answerRequest(routes, request, response).catch((error: unknown) => {
      options.log.error({ err: error }, "internal request failed");
      if (!response.headersSent) sendText(response, 500, "internal error");
      else response.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : options.port);
    });
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port, close };
}

function routeTable({ checks, metrics, drain, checkMs = CHECK_MS }: InternalServerOptions): ReadonlyMap<string, Route> {
  let running: Promise<readonly CheckResult[]> | undefined;
  const results = () => {
    running ??= runChecks(checks, checkMs).finally(() => (running = undefined));
    return running;
  };
  const routes = new Map<string, Route>();
  routes.set("/livez", { methods: READ_METHODS, answer: (_request, response) => sendText(response, 200, "alive") });
  routes.set("/readyz", {
    methods: READ_METHODS,
    answer: async (_request, response, url) =>
      sendReadiness(response, await results(), url.searchParams.has("verbose")),
  });
  routes.set("/metrics", {
    methods: READ_METHODS,
    answer: async (_request, response) => {
      const { contentType, text } = await metrics.render();
      send(response, 200, contentType, text);
    },
  });
  if (drain !== undefined) routes.set("/drain", { methods: ["POST"], answer: drainAnswer(drain) });
  return routes;
}

async function answerRequest(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = request.url ?? "";
  // A target of `//` or an absolute form must not be read as another host.
  const url = target.startsWith("/") ? new URL(`http://internal${target}`) : undefined;
  const route = url === undefined ? undefined : routes.get(url.pathname);
  if (url === undefined || route === undefined) {
    sendText(response, 404, "not found");
    return;
  }
  if (!route.methods.includes(request.method ?? "")) {
    response.setHeader("allow", route.methods.join(", "));
    sendText(response, 405, "method not allowed");
    return;
  }
  if (!(await hasSmallBody(request))) {
    response.setHeader("connection", "close");
    sendText(response, 413, "too large");
    return;
  }
  await route.answer(request, response, url);
}

/** Nothing here reads a body, but a short one is let through, since some clients always send `{}`. */
async function hasSmallBody(request: IncomingMessage): Promise<boolean> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return false;
  let bodyBytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (Buffer.isBuffer(chunk)) bodyBytes += chunk.byteLength;
    if (bodyBytes > MAX_BODY_BYTES) return false;
  }
  return true;
}

/** A web page can post to loopback but not without an Origin, so a request that has one is never an operator's. */
function drainAnswer(drain: () => void): Answer {
  return (request, response) => {
    if (request.headers.origin !== undefined) {
      sendText(response, 403, "not from a browser");
      return;
    }
    drain();
    sendJson(response, 202, { draining: true });
  };
}

/** Runs all checks at once; one that throws or takes longer than `checkMs` has failed. */
async function runChecks(checks: readonly ReadinessCheck[], checkMs: number): Promise<readonly CheckResult[]> {
  return Promise.all(checks.map((check) => runCheck(check, checkMs)));
}

async function runCheck(readiness: ReadinessCheck, checkMs: number): Promise<CheckResult> {
  const { name, advisory } = readiness;
  const about = advisory === undefined ? { name } : { name, advisory };
  const startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const overrun = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${checkMs} ms`), checkMs);
  });
  const detail = await Promise.race([settle(readiness), overrun]);
  clearTimeout(timer);
  const tookMs = Math.round(performance.now() - startedMs);
  return detail === undefined ? { ...about, ok: true, tookMs } : { ...about, ok: false, detail, tookMs };
}

async function settle(readiness: ReadinessCheck): Promise<string | undefined> {
  try {
    return await readiness.check();
  } catch (error) {
    return error instanceof Error ? error.message : "failed";
  }
}

function sendReadiness(response: ServerResponse, results: readonly CheckResult[], isVerbose: boolean): void {
  const failed = results.filter(({ ok, advisory }) => !ok && advisory === undefined).map(({ name }) => name);
  const isReady = failed.length === 0;
  const status = isReady ? 200 : 503;
  if (isVerbose) sendJson(response, status, { ready: isReady, checks: results });
  else sendText(response, status, isReady ? "ready" : `not ready: ${failed.join(", ")}`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, "text/plain; charset=utf-8", `${text}\n`);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, "application/json", `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" }).end(text);
}
