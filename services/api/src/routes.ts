// The table of routes: every path of the api, in the order of the documents. A new file under `routes/` gets a line here.
// Nothing else adds a route, but for the page at `/docs`.
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";
import { auditRoutes } from "./routes/audit.ts";
import { channelRoutes } from "./routes/channels.ts";
import { connectionRoutes } from "./routes/connections.ts";
import { documentRoutes } from "./routes/documents.ts";
import { logoutRoutes } from "./routes/logout.ts";
import { explainRoutes } from "./routes/explain.ts";
import { memberRoutes } from "./routes/members.ts";
import { messageRoutes } from "./routes/messages.ts";
import { nodeRoutes } from "./routes/nodes.ts";
import { revocationRoutes } from "./routes/revocations.ts";
import { sanctionRoutes } from "./routes/sanctions.ts";
import { ticketRoutes } from "./routes/tickets.ts";
import { guestRoutes, tokenRoutes } from "./routes/tokens.ts";
import { userBanRoutes } from "./routes/user-bans.ts";
import { userOrderRoutes } from "./routes/user-orders.ts";
import { userRoutes } from "./routes/users.ts";

interface Group {
  readonly routes: readonly Route[];
  /** Whether this deployment has what the routes need; what it has not is `not_found`. */
  isServed(this: void, api: Pick<ApiContext, "tokens">): boolean;
}

const always = (): boolean => true;

const GROUPS: readonly Group[] = [
  { routes: tokenRoutes, isServed: ({ tokens }) => tokens !== undefined },
  { routes: guestRoutes, isServed: ({ tokens }) => tokens?.guests === true },
  { routes: logoutRoutes, isServed: always },
  { routes: ticketRoutes, isServed: always },
  { routes: revocationRoutes, isServed: always },
  { routes: channelRoutes, isServed: always },
  { routes: memberRoutes, isServed: always },
  { routes: sanctionRoutes, isServed: always },
  { routes: userRoutes, isServed: always },
  { routes: userBanRoutes, isServed: always },
  { routes: userOrderRoutes, isServed: always },
  { routes: messageRoutes, isServed: always },
  { routes: auditRoutes, isServed: always },
  { routes: connectionRoutes, isServed: always },
  { routes: nodeRoutes, isServed: always },
  { routes: explainRoutes, isServed: always },
  { routes: documentRoutes, isServed: always },
];

/** The routes that this deployment serves. */
export function servedRoutes(api: Pick<ApiContext, "tokens">): readonly Route[] {
  return GROUPS.filter(({ isServed }) => isServed(api)).flatMap(({ routes }) => routes);
}
