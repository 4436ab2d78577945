// The table of routes: every path of the api, in the order of the documents. A new file under `routes/` gets a line here.
// Nothing else adds a route, but for the page at `/docs`.
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";
import { documentRoutes } from "./routes/documents.ts";
import { messageRoutes } from "./routes/messages.ts";
import { guestRoutes, tokenRoutes } from "./routes/tokens.ts";

interface Group {
  readonly routes: readonly Route[];
  /** Whether this deployment has what the routes need; what it has not is `not_found`. */
  isServed(this: void, api: Pick<ApiContext, "tokens">): boolean;
}

const always = (): boolean => true;

const GROUPS: readonly Group[] = [
  { routes: tokenRoutes, isServed: ({ tokens }) => tokens !== undefined },
  { routes: guestRoutes, isServed: ({ tokens }) => tokens?.guests === true },
  { routes: messageRoutes, isServed: always },
  { routes: documentRoutes, isServed: always },
];

/** The routes that this deployment serves. */
export function servedRoutes(api: Pick<ApiContext, "tokens">): readonly Route[] {
  return GROUPS.filter(({ isServed }) => isServed(api)).flatMap(({ routes }) => routes);
}
