// The one address of the cluster that this api does not serve and its document tells of all the same: where sockets are
// opened. Its refusals are those of the edge's door, before there is a socket to say anything over.
import { SECURITY_SCHEMES } from "./route-schema.ts";

const text = { "text/plain": { schema: { type: "string" } } };
const retryAfter = { "Retry-After": { description: "whole seconds to wait", schema: { type: "string" } } };

/** The path item of `/ws`, told beside the routes. */
export const SOCKET_PATH = {
  "/ws": {
    servers: [
      {
        url: "http://{host}",
        description: "An edge of the cluster, or the load balancer before all of them",
        variables: { host: { default: "localhost:8080" } },
      },
    ],
    get: {
      operationId: "openSocket",
      summary: "Opens a socket (RFC 6455)",
      description:
        "An upgrade, sub-protocol `rookery.v1`. The first of these that is there says who connects: this header with a token, " +
        "the sub-protocol item `bearer.<base64url of a token>`, a ticket, the cookie `rookery_token` with an allowed `Origin`; " +
        "otherwise the first frame has to be `auth`. A bad token or ticket is told by a close code, since a browser cannot " +
        "read a failed upgrade. What travels over the socket stands in `/v1/asyncapi.json`.",
      tags: ["sockets"],
      security: [
        ...Object.keys(SECURITY_SCHEMES).flatMap((name) => (name === "userToken" ? [{ [name]: [] }] : [])),
        {},
      ],
      parameters: [
        {
          in: "query",
          name: "ticket",
          required: false,
          description: "a ticket from `POST /v1/tickets`: good once, for 30 s",
          schema: { type: "string" },
          example: "Zk3yHc0vQ1uXo7bPq9sT2wLd",
        },
        {
          in: "header",
          name: "sec-websocket-protocol",
          required: false,
          description: "`rookery.v1`, and beside it, where the token comes this way, `bearer.<base64url of the token>`",
          schema: { type: "string" },
          example: "rookery.v1",
        },
        {
          in: "header",
          name: "origin",
          required: false,
          description: "of a page: has to be on the allow-list",
          schema: { type: "string" },
          example: "https://chat.example.com",
        },
      ],
      responses: {
        101: { description: "The socket is open; `welcome` follows once it is known whose it is" },
        400: { description: "No handshake of RFC 6455, or a token in the query string", content: text },
        403: { description: "The page's origin is not on the allow-list, or a cookie came without one", content: text },
        426: { description: "A request that asks for no WebSocket of version 13", content: text },
        429: { description: "Too many refused connections of this address", content: text, headers: retryAfter },
        503: {
          description: "The node is full or drains, or there are too many connections at once or of one address",
          content: text,
          headers: retryAfter,
        },
      },
    },
  },
};
