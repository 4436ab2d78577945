// What a backend has every edge do with the sessions of one user: tell them something, or close them. Nothing of it is in
// Postgres but its audit record: whoever is not connected misses it.
import type { AuditKind, AuditRecord } from "@rookery/broker";
import { ChatError, CLIENT_FRAMES, CLOSES, encodeNotice, readFrame } from "@rookery/protocol";
import type { FrameLimits, Meta } from "@rookery/protocol";
import { nanoid } from "nanoid";
import Type from "typebox";
import { actorName, actorOf } from "../callers.ts";
import type { Caller } from "../callers.ts";
import type { ApiContext } from "../context.ts";
import { readUser, TEXT_PATTERN, UserParams } from "../fields.ts";
import { idempotencyHeaders, readIdempotencyKey } from "../idempotency-key.ts";
import { ReceiptAnswer } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const SEND = CLIENT_FRAMES.send.properties;
const LOWEST_CODE = 4000;
const HIGHEST_CODE = 4999;

/** `POST /v1/users/{id}/disconnect` */
const disconnect = defineRoute({
  method: "POST",
  url: "/v1/users/:id/disconnect",
  family: "users",
  access: { users: false, scopes: ["moderate"] },
  params: UserParams,
  query: NOTHING,
  body: Type.Object(
    {
      code: Type.Optional(
        Type.Integer({
          minimum: LOWEST_CODE,
          maximum: HIGHEST_CODE,
          default: CLOSES.resync.code,
          description: `a close code from ${LOWEST_CODE} to ${HIGHEST_CODE}; its range says what the client does next`,
        }),
      ),
    },
    { examples: [{}, { code: 4401 }] },
  ),
  tells: {
    operationId: "disconnectUser",
    summary: "Closes every connection of a user",
    description:
      "On every node, with 4003 unless another code is given: the client connects again. It keeps nobody out: that is what bans " +
      "and revocations do. `unknown`: the order may have gone out, and may be repeated.",
    answers: { 200: ReceiptAnswer },
    refuses: ["unknown", "overloaded"],
  },
  async handle(api, { caller, params, body: { code = CLOSES.resync.code } }) {
    const user = readUser("id", params.id);
    const close = { code, reason: reasonOf(code) };
    const audit = auditOf("disconnect_user", caller, user, { code });
    const order = { kind: "user", user, frame: null, close } as const;
    return { status: 200, body: { receipt: await api.enforcement.order(api.partitions.ofUser(user), order, audit) } };
  },
});

/** `POST /v1/users/{id}/notices` */
const notify = defineRoute({
  method: "POST",
  url: "/v1/users/:id/notices",
  family: "users",
  access: { users: false, scopes: ["publish"] },
  params: UserParams,
  query: NOTHING,
  body: Type.Unknown(),
  tells: {
    operationId: "notifyUser",
    summary: "Tells a user something, on every connection",
    description:
      "Each gets a `notice` frame; whoever is not connected misses it. `sessions`: how many were reached, of edges that said so " +
      "within 2 s. A repeat with the same key within 10 minutes is not told again and answers the first outcome; where that is " +
      "not known the notice is told once more, under the same `id`. Another notice under the key is `conflict`.",
    headers: idempotencyHeaders("a repeat for the same user is told from a second notice by it"),
    body: Type.Object(
      { body: { ...SEND.body, pattern: TEXT_PATTERN }, meta: SEND.meta },
      { examples: [{ body: "Your order has been shipped", meta: { order: 7 } }] },
    ),
    answers: {
      202: Type.Object(
        {
          id: Type.String(),
          sessions: Type.Integer({ description: "connections that were told" }),
          duplicate: Type.Optional(Type.Literal(true)),
        },
        { examples: [{ id: "V1StGXR8_Z5jdHi6B-myT", sessions: 2 }] },
      ),
    },
    refuses: ["conflict", "unknown", "overloaded"],
  },
  async handle(api, { caller, params, body, headers }) {
    const user = readUser("id", params.id);
    const notice = readNotice(api.limits, body);
    const key = readIdempotencyKey(headers["idempotency-key"]);
    if (key === undefined) {
      const id = nanoid();
      return { status: 202, body: { id, sessions: await tell(api, caller, user, { ...notice, id }) } };
    }
    const turn = await api.notices.begin(user, key, notice, nanoid());
    if (turn.kind === "done") {
      return { status: 202, body: { id: turn.id, sessions: turn.sessions, duplicate: true } };
    }
    const { id } = turn;
    const sessions = await tell(api, caller, user, { ...notice, id });
    // Not written down, a repeat is told again: under the same id, so that it shows.
    await api.notices.end(user, key, notice, { id, sessions }).catch(() => undefined);
    return { status: 202, body: { id, sessions } };
  },
});

export const userOrderRoutes: readonly Route[] = [disconnect, notify];

/** The word that goes with the code, where it is one of ours. */
function reasonOf(code: number): string {
  const known = Object.entries(CLOSES).find(([, row]) => row.code === code);
  return known?.[0] ?? "disconnected";
}

interface Notice {
  readonly body: string;
  readonly meta?: Meta | undefined;
}

async function tell(api: ApiContext, caller: Caller, user: string, notice: Notice & { readonly id: string }) {
  const { id, body, meta } = notice;
  const frame = encodeNotice({ id, body, ...(meta === undefined ? {} : { meta }), at: await api.serverTimeMs() });
  const order = { kind: "user", user, frame, close: null } as const;
  const audit = auditOf("notice", caller, user, { id });
  return (await api.enforcement.order(api.partitions.ofUser(user), order, audit)).sessionsClosed;
}

/** Under the very rules for the text of a message. */
function readNotice(limits: FrameLimits, given: unknown): Notice {
  const { body, meta }: { readonly body?: unknown; readonly meta?: unknown } = Object(given);
  const named = { ...(body === undefined ? {} : { body }), ...(meta === undefined ? {} : { meta }) };
  const decoded = readFrame({ type: "send", channel: "notice", clientId: "notice", ...named }, limits);
  if (decoded.kind === "refusal") throw decoded.error;
  if (decoded.frame.type !== "send") throw new ChatError("internal", "a notice was read as another frame");
  return decoded.frame.meta === undefined
    ? { body: decoded.frame.body }
    : { body: decoded.frame.body, meta: decoded.frame.meta };
}

function auditOf(kind: AuditKind, caller: Caller, user: string, data: NonNullable<AuditRecord["data"]>): string {
  const nowhere = { channel: null, node: null, address: null, reason: null } as const;
  const record: AuditRecord = { kind, actor: actorName(actorOf(caller)), subject: user, ...nowhere, data };
  return JSON.stringify(record);
}
