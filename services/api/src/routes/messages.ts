// The messages of a channel over HTTP: a page of them by position, and a publication by the same script, checks and errors
// as a `send` over a socket. Finished frames are spliced into the answer and never parsed here.
import { composeMessage, createReading } from "@rookery/broker";
import type { ComposedMessage, Published } from "@rookery/broker";
import {
  ChatError,
  CLIENT_FRAMES,
  DEFAULT_PAGE_MESSAGES,
  displayName,
  isJsonObject,
  isUserId,
  parsePosition,
  readFrame,
  SERVER_FRAMES,
} from "@rookery/protocol";
import type { ClientFrameOf, FrameLimits, Position } from "@rookery/protocol";
import { rightsFence } from "@rookery/rights";
import { nanoid } from "nanoid";
import Type from "typebox";
import type { Caller } from "../callers.ts";
import type { ApiContext } from "../context.ts";
import { NameField, SERVER_USER, TEXT_PATTERN, USER_FIELD, USER_WORDS } from "../fields.ts";
import { idempotencyHeaders, readIdempotencyKey } from "../idempotency-key.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const SEND = CLIENT_FRAMES.send.properties;

const ChannelParams = Type.Object({ id: SEND.channel });
const POSITION_WORDS = "a position, <epoch>-<seq>, both below 2^53";
const PositionText = Type.String({ description: POSITION_WORDS, pattern: "^[0-9]{1,16}-[0-9]{1,16}$" });

/** What takes a position in a channel. */
const AnyFrame = Type.Union([
  SERVER_FRAMES.message,
  SERVER_FRAMES.edited,
  SERVER_FRAMES.deleted,
  SERVER_FRAMES.reaction,
]);

/** A query takes no number of more digits. */
const MAX_LIMIT = 999_999_999_999_999;

/** `GET /v1/channels/{id}/messages` */
const list = defineRoute({
  method: "GET",
  url: "/v1/channels/:id/messages",
  family: "messages",
  access: { users: true, scopes: ["publish"] },
  params: ChannelParams,
  query: Type.Object({
    before: Type.Optional(PositionText),
    after: Type.Optional(PositionText),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_LIMIT, description: "a whole number from 1; capped by the server" }),
    ),
  }),
  body: NOTHING,
  tells: {
    operationId: "listMessages",
    summary: "A page of a channel's messages, ascending",
    description:
      "Backward: the newest messages, or those before a position, with what happened since folded in. Forward, with " +
      "`after`: frames of every type as they were announced (a stored message with its newest text, its edits after it); " +
      "`not_found` when nothing can be shown to follow it. " +
      "Both positions are exclusive, and exclude each other: `before` together with `after` is `invalid`.",
    answers: { 200: Type.Object({ messages: Type.Array(AnyFrame), more: Type.Boolean() }) },
    refuses: ["not_found"],
  },
  async handle(api, { caller, params, query }) {
    const before = position("before", query.before);
    const after = position("after", query.after);
    if (before !== undefined && after !== undefined) {
      throw new ChatError("invalid", '"before" and "after" exclude each other');
    }
    const limit = Math.min(query.limit ?? DEFAULT_PAGE_MESSAGES, api.limits.pageMessages);
    const user = caller.kind === "user" ? caller.user : SERVER_USER;
    if (caller.kind === "user") await api.rights.fresh({ user, channel: params.id, right: "history" });
    else await api.backendRights.toRead(params.id);
    const reading = createReading();
    const page =
      after === undefined
        ? await api.history.backward(params.id, before, limit, api.limits.pageBytes, reading)
        : await forward(api, params.id, after, limit);
    const { frames, more } = await api.history.mine(params.id, page, user, reading);
    const messages = frames.map(({ frame }) => frame).join(",");
    return { status: 200, body: `{"messages":[${messages}],"more":${more}}` };
  },
});

/** `POST /v1/channels/{id}/messages` */
const publish = defineRoute({
  method: "POST",
  url: "/v1/channels/:id/messages",
  family: "messages",
  access: { users: true, scopes: ["publish"] },
  params: ChannelParams,
  query: NOTHING,
  body: Type.Unknown(),
  tells: {
    operationId: "publishMessage",
    summary: "Publishes a message",
    description:
      "A repeat with the same user, channel and `clientId` within 10 minutes answers the first one's position with " +
      "`duplicate`. A backend speaks as any user, with `user` and `name`; a user speaks as oneself, under the name in " +
      "the token, and any other `user` is `forbidden`.",
    headers: idempotencyHeaders("stands for `clientId` where the body has none"),
    body: Type.Object({
      user: Type.Optional(Type.String({ ...USER_FIELD, default: SERVER_USER })),
      name: NameField,
      clientId: Type.Optional(SEND.clientId),
      body: { ...SEND.body, pattern: TEXT_PATTERN },
      replyTo: SEND.replyTo,
      meta: SEND.meta,
    }),
    answers: {
      201: Type.Object({
        channel: Type.String(),
        id: Type.String(),
        clientId: Type.String(),
        epoch: Type.Integer(),
        seq: Type.Integer(),
        at: Type.Integer({ description: "milliseconds since the Unix epoch" }),
        duplicate: Type.Optional(Type.Literal(true)),
      }),
    },
    refuses: ["not_found", "conflict", "overloaded", "unknown"],
  },
  async handle(api, { caller, params, body, headers }) {
    const fields = readFields(body);
    const speaker = speakerOf(caller, fields);
    const frame = readSend(api.limits, params.id, fields, readIdempotencyKey(headers["idempotency-key"]));
    const { clientId, channel } = frame;
    const message = composeMessage({ ...frame, ...speaker, id: nanoid() });
    const { id, position: at, at: atMs, duplicate } = await counted(api, publishByRights(api, caller, message));
    const answer = { channel, id, clientId, epoch: at.epoch, seq: at.seq, at: atMs };
    return { status: 201, body: duplicate ? { ...answer, duplicate } : answer };
  },
});

export const messageRoutes: readonly Route[] = [list, publish];

function position(name: string, text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const found = parsePosition(text);
  if (found === undefined) throw new ChatError("invalid", `"${name}" must be ${POSITION_WORDS}`);
  return found;
}

async function forward(api: ApiContext, channel: string, after: Position, limit: number) {
  const page = await api.history.forward(channel, after, limit, api.limits.pageBytes, undefined, undefined, true);
  if (page.recovered) return page;
  // A page that does not follow its cursor would be a silent hole.
  throw new ChatError("not_found", '"after": nothing can be shown to follow this position: read the newest page', {
    channel,
  });
}

type Fields = Readonly<Record<string, unknown>>;

function readFields(body: unknown): Fields {
  if (isJsonObject(body)) return body;
  throw new ChatError("bad_frame", "the body must be a JSON object");
}

interface Speaker {
  readonly user: string;
  readonly name: string;
}

/** The user comes from the token, if there is one; only a backend may say who speaks. */
function speakerOf(caller: Caller, { user, name }: Fields): Speaker {
  if (user !== undefined && typeof user !== "string") throw new ChatError("bad_frame", '"user" must be a string');
  if (name !== undefined && typeof name !== "string") throw new ChatError("bad_frame", '"name" must be a string');
  if (caller.kind === "user") {
    if (user === undefined || user === caller.user) return { user: caller.user, name: caller.name };
    throw new ChatError("forbidden", '"user": a token speaks for its own user only');
  }
  const speaker = user ?? SERVER_USER;
  if (!isUserId(speaker)) throw new ChatError("invalid", `"user" must be ${USER_WORDS}`);
  return { user: speaker, name: displayName(name, speaker) };
}

/** The fields as a `send` frame, under the very rules for one from a socket. A `ref` has nothing to answer here. */
function readSend(
  limits: FrameLimits,
  channel: string,
  fields: Fields,
  key: string | undefined,
): ClientFrameOf<"send"> {
  // A null that was sent is no absence: the decoder refuses it.
  const clientId = "clientId" in fields ? fields["clientId"] : (key ?? nanoid());
  // Whatever a frame has no field for was held against the body's own limits: the fields added here must not count on top.
  const own = Object.fromEntries(
    Object.entries(fields).filter(([name]) => Object.hasOwn(SEND, name) && name !== "ref"),
  );
  const decoded = readFrame({ ...own, type: "send", channel, clientId }, limits);
  if (decoded.kind === "refusal") throw decoded.error;
  if (decoded.frame.type !== "send") throw new ChatError("internal", "a send frame was read as another one");
  return decoded.frame;
}

/** A user by what the user may do there now; a backend is not judged as the user for whom it speaks. */
async function publishByRights(api: ApiContext, caller: Caller, message: ComposedMessage): Promise<Published> {
  const { user, channel } = message;
  if (caller.kind === "user") {
    const asked = { user, channel, right: "write" } as const;
    const grant = await api.rights.fresh(asked);
    const fence = rightsFence(api.rights, asked, grant);
    return api.publisher.publish({ ...message, ...fence, slowModeMs: grant.slowModeMs });
  }
  const freshRights = (): Promise<number> => api.backendRights.toWrite(channel, user);
  return api.publisher.publish({ ...message, rightsVersion: await freshRights(), freshRights, slowModeMs: 0 });
}

async function counted(api: ApiContext, publishing: Promise<Published>): Promise<Published> {
  const { publishes } = api.metrics;
  try {
    const published = await publishing;
    publishes[published.duplicate ? "duplicate" : "new"].n += 1;
    return published;
  } catch (error) {
    publishes[error instanceof ChatError ? error.code : "internal"].n += 1;
    throw error;
  }
}
