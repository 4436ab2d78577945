// Channels are made over HTTP: of any kind by whoever will own it, and the one channel of two users by either of them.
// The database judges whether an id is free; here is judged what was given.
import { ChatError, DIRECT_PREFIX, isUserId } from "@rookery/protocol";
import Type from "typebox";
import type { Static } from "typebox";
import { actorOf } from "../callers.ts";
import type { Caller } from "../callers.ts";
import {
  ChannelParams,
  ChannelSchema,
  GIVEN_FIELDS,
  givenOf,
  holdRules,
  KindField,
  toChannel,
} from "../channel-shape.ts";
import type { ApiContext } from "../context.ts";
import { directChannelId } from "../direct-channel.ts";
import { SERVER_USER, USER_FIELD, USER_WORDS } from "../fields.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Answer } from "../route.ts";

const Body = Type.Object(
  {
    id: Type.Optional(ChannelParams.properties.id),
    kind: KindField,
    owner: Type.Optional(Type.String({ ...USER_FIELD, default: SERVER_USER })),
    with: Type.Optional(Type.String(USER_FIELD)),
    ...GIVEN_FIELDS,
  },
  {
    examples: [
      { id: "lobby", kind: "public" },
      { id: "staff", kind: "private", name: "Staff", settings: { slowModeSec: 2, memberCap: 50 } },
      { id: "den", kind: "password", password: "open sesame" },
      { kind: "direct", with: "bob" },
    ],
  },
);
type Wanted = Static<typeof Body>;

/** `POST /v1/channels` */
export const createChannel = defineRoute({
  method: "POST",
  url: "/v1/channels",
  family: "channels",
  access: { users: true, scopes: ["channels"] },
  params: NOTHING,
  query: NOTHING,
  body: Body,
  tells: {
    operationId: "createChannel",
    summary: "Makes a channel",
    description:
      "Of a user it is the user's own; a backend names its `owner`. Of kind `direct` it is the one channel of two users, the " +
      "caller (for a backend the `owner`) and `with`: it has no `id`, `name`, `password` or `settings` to give, and where it " +
      "is there already it is answered with 200. Every other kind needs an `id`, kind `password` a `password`. An id that was " +
      "ever given is `conflict`, also of a channel that is hidden or was deleted.",
    answers: { 200: ChannelSchema, 201: ChannelSchema },
    refuses: ["conflict", "unknown", "overloaded"],
  },
  handle: (api, { caller, body }) =>
    body.kind === "direct" ? createDirect(api, caller, body) : createOwned(api, caller, { ...body, kind: body.kind }),
});

type Owned = Wanted & { readonly kind: "public" | "private" | "password" };

async function createOwned(api: ApiContext, caller: Caller, { id, kind, owner, ...body }: Owned): Promise<Answer> {
  if (id === undefined) throw new ChatError("bad_frame", '"id" is missing');
  if (id.startsWith(DIRECT_PREFIX)) throw new ChatError("invalid", `"id": ${DIRECT_PREFIX} is for direct channels`);
  if (body.with !== undefined) throw new ChatError("invalid", '"with" is for direct channels');
  const settings = givenOf(body);
  holdRules(settings, api.defaultRules);
  const passwordHash = await passwordHashOf(api, kind, body.password);
  const given = passwordHash === undefined ? settings : { ...settings, passwordHash };
  const partition = api.partitions.of(id);
  const act = { actor: actorOf(caller), channel: id, partition };
  const wanted = { kind, owner: ownerOf(caller, owner), given };
  const { row } = await api.enforcement.commit(partition, () => api.acts.create({ ...act, wanted }), id);
  return { status: 201, body: toChannel(row) };
}

async function createDirect(api: ApiContext, caller: Caller, body: Wanted): Promise<Answer> {
  for (const field of ["id", "name", "settings", "password"] as const) {
    if (body[field] !== undefined) throw new ChatError("invalid", `"${field}": a direct channel has none to give`);
  }
  if (body.with === undefined) throw new ChatError("bad_frame", '"with" is missing');
  if (!isUserId(body.with)) throw new ChatError("invalid", `"with" must be ${USER_WORDS}`);
  if (caller.kind === "key" && body.owner === undefined) throw new ChatError("bad_frame", '"owner" is missing');
  const one = ownerOf(caller, body.owner);
  if (one === body.with) throw new ChatError("invalid", '"with": a direct channel is one of two users');
  const channel = directChannelId(one, body.with);
  const partition = api.partitions.of(channel);
  const act = { actor: actorOf(caller), channel, partition };
  const wanted = { kind: "direct", users: [one, body.with] } as const;
  const made = await api.enforcement.commit(partition, () => api.acts.create({ ...act, wanted }), channel);
  return { status: made.kind === "done" ? 201 : 200, body: toChannel(made.row) };
}

function ownerOf(caller: Caller, owner: string | undefined): string {
  if (caller.kind !== "user") {
    if (owner === undefined || isUserId(owner)) return owner ?? SERVER_USER;
    throw new ChatError("invalid", `"owner" must be ${USER_WORDS}`);
  }
  if (owner === undefined || owner === caller.user) return caller.user;
  throw new ChatError("forbidden", '"owner": a token makes channels for its own user only');
}

async function passwordHashOf(
  { passwords }: ApiContext,
  kind: Owned["kind"],
  password: string | undefined,
): Promise<string | undefined> {
  if (kind !== "password" && password !== undefined) {
    throw new ChatError("invalid", '"password": only a channel of kind password has one');
  }
  if (kind === "password" && password === undefined) throw new ChatError("bad_frame", '"password" is missing');
  return password === undefined ? undefined : passwords.hash(password);
}
