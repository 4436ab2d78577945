// Which web pages may read the api's answers: exactly those of the allow-list, and no wildcard. Called for every request
// before anything else. Credentials travel in a header that pages set themselves, so there are no cookies to protect.
import { ChatError } from "@rookery/protocol";
import type { OriginAllowed } from "@rookery/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";

const PREFLIGHT_SEC = 600;
const METHODS = "GET, POST, PUT, PATCH, DELETE";
const HEADERS = "authorization, content-type, idempotency-key";
/** What a page may read beside the body. */
const EXPOSED = "retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset";

/** Sets what the Fetch standard asks for; `answered` when the request was a preflight and is done. Throws `forbidden`. */
export type CheckOrigin = (request: FastifyRequest, reply: FastifyReply) => "answered" | "go on";

export function createCheckOrigin(allowed: OriginAllowed): CheckOrigin {
  return (request, reply) => {
    const { origin } = request.headers;
    void reply.header("vary", "origin");
    const isPreflight = request.method === "OPTIONS" && "access-control-request-method" in request.headers;
    if (origin === undefined || !allowed(origin)) {
      // Any other request of a stranger's page is served like a program's: its browser keeps the answer from it.
      if (isPreflight) throw new ChatError("forbidden", "this origin is not on the allow-list");
      return "go on";
    }
    void reply.header("access-control-allow-origin", origin).header("access-control-expose-headers", EXPOSED);
    if (!isPreflight) return "go on";
    void reply
      .header("access-control-allow-methods", METHODS)
      .header("access-control-allow-headers", HEADERS)
      .header("access-control-max-age", String(PREFLIGHT_SEC))
      .code(204)
      .send();
    return "answered";
  };
}
