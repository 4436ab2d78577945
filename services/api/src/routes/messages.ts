// The messages of a channel over HTTP: a page of them by position, and a publication by the same script, checks and errors
// as a `send` over a socket. Finished frames are spliced into the answer and never parsed here.
import { composeMessage } from "@rookery/broker";
import type { ComposedMessage, Published } from "@rookery/broker";
import {
  ChatError,
  CLIENT_FRAMES,
  DEFAULT_PAGE_MESSAGES,
  displayName,
  isClientId,
  isJsonObject,
  isUserId,
  parsePosition,
  readFrame,
  SERVER_FRAMES,
} from "@rookery/protocol";
import type { ClientFrameOf, FrameLimits, Position } from "@rookery/protocol";
import { withFreshRights } from "@rookery/rights";
import { nanoid } from "nanoid";
import Type from "typebox";
import type { Caller } from "../callers.ts";
import type { ApiContext } from "../context.ts";
import { NameField, TEXT_PATTERN, USER_FIELD, USER_WORDS } from "../fields.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const SEND = CLIENT_FRAMES.send.properties;
/** Who speaks when a backend names nobody. */
const SERVER_USER = "server";

const ChannelParams = Type.Object({ id: SEND.channel });
/** A `clientId`, bare or as a string of structured fields (RFC 9651). */
const KEY_WORDS = "1 to 64 characters of A-Za-z0-9_-, in double quotes or without";
const IDEMPOTENCY_KEY_PATTERN = '^([A-Za-z0-9_-]{1,64}|"[A-Za-z0-9_-]{1,64}")$';
const POSITION_WORDS = "a position, <epoch>-<seq>, both below 2^53";
const PositionText = Type.String({ description: POSITION_WORDS, pattern: "^[0-9]{1,16}-[0-9]{1,16}$" });

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
      "`after`: frames of every type just as they were announced; `not_found` when nothing can be shown to follow it. " +
      "Both positions are exclusive, and exclude each other: `before` together with `after` is `invalid`.",
    answers: { 200: Type.Object({ messages: Type.Array(SERVER_FRAMES.message), more: Type.Boolean() }) },
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
    await api.rights.cached({ user, channel: params.id, right: "history" });
    const { frames, more } =
      after === undefined
        ? await api.history.backward(params.id, before, limit, api.limits.pageBytes)
        : await forward(api, params.id, after, limit);
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
    headers: Type.Object({
      "idempotency-key": Type.Optional(
        Type.String({
          description: `${KEY_WORDS}; stands for \`clientId\` where the body has none`,
          pattern: IDEMPOTENCY_KEY_PATTERN,
        }),
      ),
    }),
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
    const frame = readSend(api.limits, params.id, fields, idempotencyKey(headers["idempotency-key"]));
    const { clientId, channel } = frame;
    const message = composeMessage({ ...frame, ...speaker, id: nanoid() });
    const { id, position: at, at: atMs, duplicate } = await counted(api, publishByRights(api, message));
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
  const page = await api.history.forward(channel, after, limit, api.limits.pageBytes);
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

/** The header as a `clientId`, looked at whether or not it is needed: a key that nobody could use was a mistake. */
function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const value = Array.isArray(header) ? header.join(",") : header;
  const key = value.replace(/^"(.*)"$/, "$1");
  if (!isClientId(key)) throw new ChatError("invalid", `"Idempotency-Key" must be ${KEY_WORDS}`);
  return key;
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

function publishByRights(api: ApiContext, message: ComposedMessage): Promise<Published> {
  const { user, channel } = message;
  return withFreshRights(api.rights, { user, channel, right: "write" }, (fence) =>
    api.publisher.publish({ ...message, ...fence, slowModeMs: 0 }),
  );
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
