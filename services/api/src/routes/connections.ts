// Who is connected, which channels are busiest, and what goes on in one of them, for operators and moderators. Told from leases,
// sessions and counters in Redis: no node is asked, and nothing is counted here.
import type { ConnectedUser, SPANS } from "@rookery/broker";
import { isUserId, MODES } from "@rookery/protocol";
import Type from "typebox";
import type { TInteger, TObject } from "typebox";
import { lookAsModerator } from "../channel-access.ts";
import { ChannelParams } from "../channel-shape.ts";
import { CursorAnswer, PAGING, readPaging, toPage } from "../paging.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { SessionSchema } from "./users.ts";

/** Channels beside one page of users. */
const BUSIEST = 20;

const Count = Type.Integer({ minimum: 0 });
const ConnectionsSchema = Type.Object({
  total: Type.Integer({ minimum: 0, description: "connections of all edges" }),
  nodes: Type.Array(Type.Object({ node: Type.String(), connections: Count, version: Type.String() })),
  channels: Type.Array(
    Type.Object({
      channel: Type.String(),
      online: Type.Integer({ minimum: 1, description: "users present" }),
      connections: Count,
    }),
  ),
  users: Type.Array(Type.Object({ user: Type.String(), name: Type.String(), sessions: Type.Array(SessionSchema) })),
  cursor: CursorAnswer,
});

/** `GET /v1/connections` */
const connections = defineRoute({
  method: "GET",
  url: "/v1/connections",
  family: "cluster",
  access: { users: false, scopes: ["admin"] },
  params: NOTHING,
  query: Type.Object(PAGING),
  body: NOTHING,
  tells: {
    operationId: "listConnections",
    summary: "Who is connected to the cluster, and where",
    description:
      `Connections of each edge as of its last beat, the ${BUSIEST} busiest channels, and a page of the users who are ` +
      "connected, each with all their sessions. An edge that missed two beats is left out, and so are its sessions; until " +
      "it is cleared away after, its users still count in their channels. Users come in an order that says nothing.",
    answers: { 200: ConnectionsSchema },
  },
  async handle({ statistics }, { query }) {
    const { after, limit } = readPaging(query, isUserId);
    const [found, channels] = await Promise.all([statistics.connected(after, limit + 1), statistics.busiest(BUSIEST)]);
    // After the sessions: an edge beats before anybody is connected to it.
    const edges = await statistics.edges();
    const { rows, ...more } = toPage(found, limit, ({ user }) => user);
    const living = new Set(edges.map(({ node }) => node));
    const users = rows.flatMap((row) => describeUser(row, living));
    const nodes = edges.map(({ node, connections: count, version }) => ({ node, connections: count, version }));
    const total = nodes.reduce((sum, each) => sum + each.connections, 0);
    return { status: 200, body: { total, nodes, channels, users, ...more } };
  },
});

/** Nothing of a user whose sessions were all on edges that are gone. */
function describeUser({ user, sessions }: ConnectedUser, living: ReadonlySet<string>): object[] {
  const held = sessions.filter(({ node }) => living.has(node)).toSorted((a, b) => a.since - b.since);
  const name = held.at(-1)?.name;
  if (name === undefined) return [];
  return [{ user, name, sessions: held.map(({ name: _name, ...session }) => session) }];
}

function spansOf(description: string): TObject<Record<(typeof SPANS)[number], TInteger>> {
  return Type.Object({ "1m": Count, "5m": Count, "60m": Count }, { description });
}

const ChannelStatsSchema = Type.Object({
  channel: Type.String(),
  online: Type.Integer({ minimum: 0, description: "users present" }),
  connections: Count,
  users: Type.Array(
    Type.Object({ user: Type.String(), name: Type.String(), connections: Type.Integer({ minimum: 1 }) }),
    { description: "those present, by the bytes of their ids" },
  ),
  messages: spansOf(
    "in the last minute, five and sixty, from the beginning of the ten seconds (of sixty: of the minute) in which each span begins",
  ),
  senders: spansOf("users who sent them; of sixty minutes the newest 10,000"),
  mode: Type.Enum([...MODES], { description: "how those present are told of each other" }),
  head: Type.Object({ epoch: Count, seq: Count }, { description: "position of the newest frame" }),
  cursor: CursorAnswer,
});

/** `GET /v1/channels/{id}/stats` */
const channelStats = defineRoute({
  method: "GET",
  url: "/v1/channels/:id/stats",
  family: "cluster",
  access: { users: true, scopes: ["admin"] },
  params: ChannelParams,
  query: Type.Object(PAGING),
  body: NOTHING,
  tells: {
    operationId: "showChannelStats",
    summary: "What goes on in a channel",
    description:
      "For backends with scope `admin` and for those who moderate the channel. Messages are counted by whoever has them " +
      "numbered and told once a second, so the newest second may be missing, and a process that is killed takes its last " +
      "second with it.",
    answers: { 200: ChannelStatsSchema },
    refuses: ["not_found"],
  },
  async handle(api, { caller, params: { id: channel }, query }) {
    const { after, limit } = readPaging(query, isUserId);
    await lookAsModerator(api, caller, channel);
    const { statistics, presence, activity, history } = api;
    const [counts, page, said, head] = await Promise.all([
      statistics.presence(channel),
      presence.page(channel, after, limit + 1),
      activity(channel),
      history.head(channel),
    ]);
    const { rows: users, ...more } = toPage(page.members, limit, ({ user }) => user);
    const { messages, senders } = said;
    const told = { messages, senders, mode: page.crowd.mode, head: head.position };
    return { status: 200, body: { channel, ...counts, users, ...told, ...more } };
  },
});

export const connectionRoutes: readonly Route[] = [connections, channelStats];
