// Who gets through to a route: finds out who calls, counts the request and holds the caller against the route's access.
// Runs before a body is read. Requests are counted per caller; those of strangers, and credentials that were refused, per
// address, so that guessing keys is slow and never costs a look-up once an address is over.
import { ChatError } from "@rookery/protocol";
import { addressGroup, createClientAddress, isLoopbackAddress } from "@rookery/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { admit, isRefusedCredential, limitKeyOf } from "./callers.ts";
import type { ApiContext } from "./context.ts";
import type { LimitScope } from "./metrics.ts";

export interface GateOptions {
  /** Of one caller, and of one address that shows no good credential. */
  readonly requestsPerMin: number;
  /** Whether loopback is free of the limit per address. */
  readonly loopbackExempt: boolean;
  readonly trustedProxies: readonly string[];
}

const WINDOW_MS = 60_000;

/** Needs the rate limiter's plugin. Throws ChatError `rate_limited`, what identifying throws, or `forbidden`. */
export function createGate(
  server: FastifyInstance,
  { identify, metrics }: Pick<ApiContext, "identify" | "metrics">,
  { requestsPerMin: max, loopbackExempt, trustedProxies }: GateOptions,
): (request: FastifyRequest) => Promise<void> {
  const clientAddress = createClientAddress(trustedProxies);
  const addressOf = ({ ip, headers }: FastifyRequest): string =>
    clientAddress(ip, [headers["x-forwarded-for"] ?? []].flat());
  const byAddress = server.createRateLimit({
    max,
    timeWindow: WINDOW_MS,
    allowList: (request) => loopbackExempt && isLoopbackAddress(addressOf(request)),
    keyGenerator: (request) => addressGroup(addressOf(request)),
  });
  const byCaller = server.createRateLimit({
    max,
    timeWindow: WINDOW_MS,
    keyGenerator: ({ caller }) => limitKeyOf(caller) ?? "",
  });
  type Count = Awaited<ReturnType<typeof byCaller>>;

  function hold(scope: LimitScope, count: Count): void {
    if (count.isAllowed || !count.isExceeded) return;
    metrics.rateLimited[scope].n += 1;
    throw new ChatError("rate_limited", `over ${max} requests a minute`, { retryAfterMs: count.ttl });
  }

  return async (request) => {
    const { access = "anyone", limited = true } = request.routeOptions.config;
    request.caller = { kind: "anyone" };
    if (access === "anyone") {
      if (limited) hold("address", await byAddress(request));
      return;
    }
    hold("address", await byAddress(request, { increment: false }));
    try {
      request.caller = await identify(request.headers.authorization);
    } catch (error) {
      if (error instanceof ChatError && isRefusedCredential(error.code)) hold("address", await byAddress(request));
      throw error;
    }
    hold("caller", await byCaller(request));
    admit(request.caller, access);
  };
}
