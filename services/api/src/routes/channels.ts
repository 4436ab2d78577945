// Channels over HTTP: listed, shown, changed, deleted. Whoever may see what stands in channel-access.ts, what may be given in
// channel-shape.ts. Acts are judged by the database; their way to every node is enforce.ts.
import { ChatError, isChannelId } from "@rookery/protocol";
import type { ChannelRow } from "@rookery/store";
import Type from "typebox";
import { actorOf } from "../callers.ts";
import type { Caller } from "../callers.ts";
import { look } from "../channel-access.ts";
import {
  CHANNEL_FIELDS,
  ChannelFaceSchema,
  ChannelParams,
  ChannelSchema,
  GIVEN_FIELDS,
  givenOf,
  KindField,
  toChannel,
} from "../channel-shape.ts";
import type { GivenChannel } from "../channel-shape.ts";
import type { ApiContext } from "../context.ts";
import { CursorAnswer, PAGING, readPaging, toPage } from "../paging.ts";
import { ReceiptAnswer, ReceiptSchema } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { createChannel } from "./channel-create.ts";

const USERS_AND_KEYS = { users: true, scopes: ["channels"] } as const;

/** `GET /v1/channels` */
const list = defineRoute({
  method: "GET",
  url: "/v1/channels",
  family: "channels",
  access: { ...USERS_AND_KEYS, strangers: true },
  params: NOTHING,
  query: Type.Object({ kind: Type.Optional(KindField), ...PAGING }),
  body: NOTHING,
  tells: {
    operationId: "listChannels",
    summary: "Channels by id",
    description:
      "With `kind=public` all public ones, for anyone. Otherwise those in which the user has a role, direct ones included, or for a " +
      "backend all; of one kind where a kind is named.",
    answers: { 200: Type.Object({ channels: Type.Array(ChannelSchema), cursor: CursorAnswer }) },
  },
  async handle({ channels }, { caller, query: { kind, ...paging } }) {
    if (caller.kind === "anyone" && kind !== "public") {
      throw new ChatError("unauthenticated", "without a credential only kind=public is listed");
    }
    const { after, limit } = readPaging(paging, isChannelId);
    const member = kind === "public" || caller.kind !== "user" ? undefined : caller.user;
    const found = await channels.list({ after, limit: limit + 1, member, kind });
    const { rows, ...more } = toPage(found, limit, ({ id }) => id);
    return { status: 200, body: { channels: rows.map(toChannel), ...more } };
  },
});

/** `GET /v1/channels/{id}` */
const show = defineRoute({
  method: "GET",
  url: "/v1/channels/:id",
  family: "channels",
  access: USERS_AND_KEYS,
  params: ChannelParams,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "showChannel",
    summary: "One channel",
    description:
      "A public one for everybody, any other for backends and for users with a role in it. Whoever has none sees of a channel " +
      "with a password its kind and name, and of a private or direct one what is seen of one that is absent.",
    answers: { 200: Type.Union([ChannelSchema, ChannelFaceSchema]) },
    refuses: ["not_found"],
  },
  async handle(api, { caller, params: { id } }) {
    const { row, isWhole } = await look(api, caller, id);
    return { status: 200, body: isWhole ? toChannel(row) : { id, kind: row.kind, name: row.name } };
  },
});

/** `PATCH /v1/channels/{id}` */
const change = defineRoute({
  method: "PATCH",
  url: "/v1/channels/:id",
  family: "channels",
  access: USERS_AND_KEYS,
  params: ChannelParams,
  query: NOTHING,
  body: Type.Object(
    {
      ...GIVEN_FIELDS,
      evict: Type.Optional(
        Type.Boolean({
          description: "true or false; with a new password: whether members have to show it",
          default: false,
        }),
      ),
    },
    { examples: [{ settings: { slowModeSec: 10 } }, { name: null }, { password: "another one", evict: true }] },
  ),
  tells: {
    operationId: "changeChannel",
    summary: "Changes a channel's name, settings or password",
    description:
      "For its owners and for backends; of a direct channel for backends alone. What is left out stays, null brings back the " +
      "default. Members keep their roles when a password is changed, unless `evict` is true: then everybody below a moderator " +
      "has none any more, and is taken out. `receipt` is there where something changed. A channel in use is told of its " +
      "members in the new way at once; `unknown`: the change stands, and channels in use may not have heard of that; a " +
      "repeat tells them.",
    answers: { 200: Type.Object({ ...CHANNEL_FIELDS, receipt: Type.Optional(ReceiptSchema) }) },
    refuses: ["not_found", "unknown", "overloaded"],
  },
  async handle(api, { caller, params: { id }, body: { evict, ...body } }) {
    const given = {
      ...givenOf(body),
      ...(await newPassword(api, caller, id, body)),
      ...(evict === true ? { evict } : {}),
    };
    const partition = api.partitions.of(id);
    const act = { actor: actorOf(caller), channel: id, partition, given, defaults: api.defaultRules };
    const { outcome, receipt } = await api.enforcement.enforce(partition, () => api.acts.change(act), id);
    const { digestAbove, countAbove } = body.settings ?? {};
    if (digestAbove !== undefined || countAbove !== undefined) await tellRunning(api, outcome.row);
    return { status: 200, body: { ...toChannel(outcome.row), ...(outcome.kind === "done" ? { receipt } : {}) } };
  },
});

/** `DELETE /v1/channels/{id}` */
const remove = defineRoute({
  method: "DELETE",
  url: "/v1/channels/:id",
  family: "channels",
  access: USERS_AND_KEYS,
  params: ChannelParams,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "deleteChannel",
    summary: "Deletes a channel for good",
    description:
      "For its owners and for backends; of a direct channel for backends alone. Everybody is taken out of it, it is " +
      "`not_found` from then on, what was said in it is removed within hours, and its id is given to nobody again. What was " +
      "published before the deletion was ordered keeps its `ok`; what comes after is `not_found`.",
    answers: { 200: ReceiptAnswer },
    refuses: ["not_found", "unknown"],
  },
  async handle(api, { caller, params: { id } }) {
    const partition = api.partitions.of(id);
    const act = { actor: actorOf(caller), channel: id, partition };
    const { receipt } = await api.enforcement.enforce(partition, () => api.acts.delete(act), id);
    return { status: 200, body: { receipt } };
  },
});

export const channelRoutes: readonly Route[] = [createChannel, list, show, change, remove];

/** Hashed only for whoever may set one: each costs a tenth of a second of a core. The database judges again. */
async function newPassword(
  api: ApiContext,
  caller: Caller,
  id: string,
  { password }: GivenChannel,
): Promise<{ readonly passwordHash?: string }> {
  if (password === undefined) return {};
  const { row, role } = await look(api, caller, id);
  if (caller.kind !== "key" && role !== "owner") {
    throw new ChatError("forbidden", "only an owner changes the channel", { channel: id });
  }
  if (row.kind !== "password") throw new ChatError("invalid", '"password": only a channel of kind password has one');
  return { passwordHash: await api.passwords.hash(password) };
}

/** Also for what did not change: a repeat may be after a first call that did not get here. */
async function tellRunning({ regulate, defaultRules }: ApiContext, row: ChannelRow): Promise<void> {
  const { id, settingsVersion: version } = row;
  const digestAbove = row.digestAbove ?? defaultRules.digestAbove;
  const countAbove = row.countAbove ?? defaultRules.countAbove;
  try {
    await regulate(id, { version, digestAbove, countAbove });
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    throw new ChatError("unknown", "the settings stand, but whether channels in use follow them is not known", {
      channel: id,
    });
  }
}
