// Tickets: what a browser puts into the address of its WebSocket in place of a token, since an address ends up in logs. One
// opens one connection, within seconds, which then lives as long as the token that bought it. The token itself and its claims
// go nowhere.
import { packTicket } from "@rookery/auth";
import { ChatError, TICKET_MS } from "@rookery/protocol";
import Type from "typebox";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

/** `POST /v1/tickets` */
const buy = defineRoute({
  method: "POST",
  url: "/v1/tickets",
  family: "tokens",
  access: { users: true, scopes: [] },
  params: NOTHING,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "buyTicket",
    summary: "A one-use ticket for a WebSocket",
    description:
      "For a user's token. `GET /ws?ticket=...` opens one connection of that user, once, within 30 s, at whichever node; it " +
      "expires with the token, and is closed when that is revoked.",
    answers: {
      201: Type.Object(
        {
          ticket: Type.String({ description: "32 characters that need no escaping" }),
          expiresAt: Type.Integer({ description: "milliseconds since the Unix epoch" }),
        },
        { examples: [{ ticket: "mV3x9Qh2LrT8sJ0aKp4cYw7ZfGdN5uEB", expiresAt: 1_700_000_030_000 }] },
      ),
    },
    refuses: ["banned"],
  },
  async handle({ tickets }, { caller }) {
    if (caller.kind !== "user") throw new ChatError("forbidden", "a ticket is bought with a user's token");
    const nowMs = Date.now();
    const expiresAt = Math.min(nowMs + TICKET_MS, caller.expiresAtMs);
    const ticket = await tickets.put(packTicket(caller), Math.max(1, expiresAt - nowMs));
    return { status: 201, body: { ticket, expiresAt } };
  },
});

export const ticketRoutes: readonly Route[] = [buy];
