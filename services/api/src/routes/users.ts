// What the cluster knows of a user: from Postgres who they are and when they were last seen, from Redis their connections.
// Everybody may ask about oneself; of others users learn nothing, not even whether they are there.
import type { KnownSession } from "@rookery/broker";
import { ChatError, isUserId } from "@rookery/protocol";
import Type from "typebox";
import type { ApiContext } from "../context.ts";
import { USER_FIELD, USER_WORDS } from "../fields.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const TimeMs = Type.Integer({ description: "milliseconds since the Unix epoch" });
export const SessionSchema = Type.Object({
  session: Type.String(),
  node: Type.String({ description: "the edge that holds the connection" }),
  since: TimeMs,
  address: Type.String({ description: "a hash: the same for connections of one address" }),
  client: Type.String({ description: "what the client calls itself, or empty" }),
});

/** `GET /v1/users/{id}` */
const show = defineRoute({
  method: "GET",
  url: "/v1/users/:id",
  family: "users",
  access: { users: true, scopes: ["admin"] },
  params: Type.Object({ id: Type.String(USER_FIELD) }),
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "showUser",
    summary: "A user, and whether they are connected",
    description:
      "A user asks about oneself, a backend with scope `admin` about anybody. Who is connected is last seen now; otherwise " +
      "`lastSeenAt` may lag behind by some seconds.",
    answers: {
      200: Type.Object({
        user: Type.String(),
        name: Type.String(),
        firstSeenAt: TimeMs,
        lastSeenAt: TimeMs,
        online: Type.Boolean(),
        sessions: Type.Array(SessionSchema),
      }),
    },
    refuses: ["not_found"],
  },
  async handle(api, { caller, params: { id } }) {
    if (!isUserId(id)) throw new ChatError("invalid", `"id" must be ${USER_WORDS}`);
    if (caller.kind === "user" && caller.user !== id) throw unknownUser();
    return { status: 200, body: await describeUser(api, id) };
  },
});

export const userRoutes: readonly Route[] = [show];

async function describeUser({ users, presence }: ApiContext, user: string): Promise<object> {
  const [row, found] = await Promise.all([users.find(user), presence.sessionsOf(user)]);
  const sessions = found.toSorted((a, b) => a.since - b.since);
  const [first] = sessions;
  // Whoever has just connected for the first time may not have a row yet.
  if (row === undefined && first === undefined) throw unknownUser();
  const firstSeenAt = row?.firstSeenAt ?? first?.since;
  const seen = { firstSeenAt, lastSeenAt: lastSeenAt(row?.lastSeenAt ?? 0, sessions) };
  const shown = sessions.map(({ name: _name, ...session }) => session);
  return { user, name: row?.name ?? first?.name, ...seen, online: sessions.length > 0, sessions: shown };
}

/** Of somebody who is connected it is now, also where Redis' clock is ahead of ours. */
export function lastSeenAt(storedMs: number, sessions: readonly KnownSession[]): number {
  return sessions.length === 0 ? storedMs : Math.max(storedMs, Date.now());
}

function unknownUser(): ChatError {
  return new ChatError("not_found", "no such user");
}
