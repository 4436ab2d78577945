// Who shows a ticket in place of a token: takes it up in Redis, where it is good once whichever edge is shown it, and says what
// the token behind it would. Called by the door. A ticket that is no good is refused just as a token is.
import { unpackTicket } from "@rookery/auth";
import type { Verified } from "@rookery/auth";
import type { Tickets } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";

const NO_TICKET: Verified = {
  kind: "refusal",
  code: "unauthenticated",
  message: "the ticket was used, has run out or never was",
};
const OUT_OF_DATE: Verified = { kind: "refusal", code: "token_expired", message: "the token behind it has expired" };
/** Whether it was used up by this is not known; whoever comes back with it is told. */
const AWAY: Verified = { kind: "refusal", code: "unavailable", message: "tickets cannot be looked at now" };

/** Never rejects for a ticket or for a Redis that is away. */
export async function takeUp(tickets: Pick<Tickets, "take">, ticket: string): Promise<Verified> {
  try {
    const text = await tickets.take(ticket);
    const bearer = text === undefined ? undefined : unpackTicket(text);
    if (bearer === undefined) return NO_TICKET;
    return bearer.expiresAtMs <= Date.now() ? OUT_OF_DATE : bearer;
  } catch (error) {
    if (error instanceof ChatError) return AWAY;
    throw error;
  }
}
