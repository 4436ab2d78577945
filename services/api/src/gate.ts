// Who gets through to a route: finds out who calls, counts the request and holds the caller against the route's access.
// Runs before a body is read. Requests are counted per caller; those of strangers, and credentials that were refused, per
// address, so that guessing keys is slow and never costs a look-up once an address is over.
import { ChatError } from "@rookery/protocol";
import { addressGroup, createClientAddress, isLoopbackAddress } from "@rookery/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { admit, isRefusedCredential, limitKeyOf } from "./callers.ts";
import type { ApiContext } from "./context.ts";
import type { LimitScope } from "./metrics.ts";

export interface GateOptions {
  /** Of one caller, and of one address that shows no good credential. */
  readonly requestsPerMin: number;
  /** Whether loopback is free of the limit per address. */
  readonly loopbackExempt: boolean;
  readonly trustedProxies: readonly string[];
  /** Hears of each credential that was not taken, and why. */
  refused?(this: void, address: string, reason: string): void;
}

const WINDOW_MS = 60_000;

/** Needs the rate limiter's plugin. Throws ChatError `rate_limited`, what identifying throws, or `forbidden`. */
export function createGate(
  server: FastifyInstance,
  { identify, guard, metrics }: Pick<ApiContext, "identify" | "guard" | "metrics">,
  { requestsPerMin: max, loopbackExempt, trustedProxies, refused }: GateOptions,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
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

  /** Tells how much is left, also to who has had too much (headers of draft-ietf-httpapi-ratelimit-headers-07). */
  function hold(scope: LimitScope, count: Count, reply: FastifyReply): void {
    if (count.isAllowed) return;
    void reply
      .header("ratelimit-limit", String(count.max))
      .header("ratelimit-remaining", String(count.remaining))
      .header("ratelimit-reset", String(Math.ceil(count.ttl / 1000)));
    if (!count.isExceeded) return;
    metrics.rateLimited[scope].n += 1;
    throw new ChatError("rate_limited", `over ${max} requests a minute`, { retryAfterMs: count.ttl });
  }

  return async (request, reply) => {
    const { access = "anyone", limited = true } = request.routeOptions.config;
    request.caller = { kind: "anyone" };
    if (access === "anyone") {
      if (limited) hold("address", await byAddress(request), reply);
      return;
    }
    if (access.strangers === true && request.headers.authorization === undefined) {
      hold("address", await byAddress(request), reply);
      return;
    }
    hold("address", await byAddress(request, { increment: false }), reply);
    try {
      const caller = await identify(request.headers.authorization);
      if (caller.kind === "user") await guard(caller);
      request.caller = caller;
    } catch (error) {
      if (error instanceof ChatError && isRefusedCredential(error.code)) {
        refused?.(addressOf(request), error.code);
        hold("address", await byAddress(request), reply);
      }
      throw error;
    }
    hold("caller", await byCaller(request), reply);
    admit(request.caller, access);
  };
}
