// The processes of the cluster, as each told of itself with its last beat, and the order to one of them to drain.
import type { NodeRecord } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import Type from "typebox";
import { CursorAnswer, PAGING, readPaging, toPage } from "../paging.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const ADMIN = { users: false, scopes: ["admin"] } as const;
const KINDS = ["edge", "api", "persister"] as const;
/** In a refusal: what a person reads at a glance. */
const MOST_NAMED = 20;
const NODE_WORDS = "a node's id: 1 to 64 of A-Z a-z 0-9 _ - .";
const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const TimeMs = Type.Integer({ minimum: 0, description: "milliseconds since the Unix epoch, by the node's own clock" });

const NodeSchema = Type.Object({
  node: Type.String({ description: "new at every start" }),
  pid: Type.Integer(),
  kind: Type.Enum([...KINDS]),
  version: Type.String(),
  startedAt: TimeMs,
  connections: Type.Integer({ minimum: 0 }),
  draining: Type.Boolean(),
  beatAt: TimeMs,
});

/** `GET /v1/nodes` */
const list = defineRoute({
  method: "GET",
  url: "/v1/nodes",
  family: "cluster",
  access: ADMIN,
  params: NOTHING,
  query: Type.Object(PAGING),
  body: NOTHING,
  tells: {
    operationId: "listNodes",
    summary: "The processes of the cluster, by id",
    description:
      "Each as of its last beat, at most two seconds ago with the settings that ship. One that is gone without a word is " +
      "listed until its lease ends; one that drained, until nobody is held present by it any more.",
    answers: { 200: Type.Object({ nodes: Type.Array(NodeSchema), cursor: CursorAnswer }) },
  },
  async handle({ nodes }, { query }) {
    const { after = "", limit } = readPaging(query, (text) => NODE_ID.test(text));
    const found = (await nodes.list()).filter(({ node }) => node > after);
    const { rows, ...more } = toPage(found, limit, ({ node }) => node);
    const told = rows.map(({ node, pid, kind, version, startedAt, connections, draining, beatAt }) => ({
      ...{ node, pid, kind, version, startedAt, connections, draining, beatAt },
    }));
    return { status: 200, body: { nodes: told, ...more } };
  },
});

/** `POST /v1/nodes/{id}/drain` */
const drain = defineRoute({
  method: "POST",
  url: "/v1/nodes/:id/drain",
  family: "cluster",
  access: ADMIN,
  params: Type.Object({ id: Type.String({ description: NODE_WORDS, pattern: NODE_ID.source }) }),
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "drainNode",
    summary: "Has an edge send its clients elsewhere and end",
    description:
      "The edge hears of it with its next beat, and goes when no other edge that was told to drain is on its way: clients " +
      "are told when to reconnect, closed with 4000 over its drain window, and nobody is told that they left. The process " +
      "then ends with code 0. A repeat changes nothing. Of a node that is no edge, `invalid`; of one that does not live, or " +
      "that has drained, `not_found` with the edges that live.",
    answers: { 202: Type.Object({ node: Type.String() }) },
    refuses: ["not_found"],
  },
  async handle({ nodes }, { params: { id: node } }) {
    const found = await nodes.find(node);
    if (found !== undefined && found.kind !== "edge") throw new ChatError("invalid", '"id": only edges drain');
    // One that has left keeps its lease for those who may come back elsewhere, and hears nothing any more.
    const isGone = found === undefined || found.left === true;
    if (isGone || !(await nodes.orderDrain(node))) {
      throw new ChatError("not_found", `no node ${node} lives; ${edgesText(await nodes.list())}`);
    }
    return { status: 202, body: { node } };
  },
});

/** Whom an order to drain would have reached. */
function edgesText(nodes: readonly NodeRecord[]): string {
  const living = nodes.filter(({ kind, left }) => kind === "edge" && left !== true).map(({ node }) => node);
  if (living.length === 0) return "no edge does";
  const more = living.length - MOST_NAMED;
  return `edges that do: ${living.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

export const nodeRoutes: readonly Route[] = [list, drain];
