// Who has a role in a channel, with when they were last seen and whether they are connected now; roles are given and taken.
// Who may give which role to whom is judged by the database, where it is written.
import { ChatError, isUserId, ROLES } from "@rookery/protocol";
import type { Role } from "@rookery/protocol";
import type { ChannelMemberRow } from "@rookery/store";
import Type from "typebox";
import { actorOf } from "../callers.ts";
import type { Caller } from "../callers.ts";
import { lookAsModerator, lookAtMembers } from "../channel-access.ts";
import { ChannelParams } from "../channel-shape.ts";
import type { ApiContext } from "../context.ts";
import { ChannelUserParams, readChannelUser } from "../fields.ts";
import { CursorAnswer, PAGING, readPaging, toPage } from "../paging.ts";
import { ReceiptAnswer, ReceiptSchema } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { lastSeenAt } from "./users.ts";

const MODERATORS_AND_KEYS = { users: true, scopes: ["channels", "moderate"] } as const;
const RoleField = Type.Enum([...ROLES], { description: ROLES.join(", ") });

const MemberSchema = Type.Object(
  {
    user: Type.String(),
    name: Type.String({ description: "the user id of one who was never seen" }),
    role: RoleField,
    since: Type.Integer({ description: "of the role, milliseconds since the Unix epoch" }),
    lastSeenAt: Type.Unsafe<number | null>({
      type: ["integer", "null"],
      description: "milliseconds since the Unix epoch; now for who is connected, null for who was never seen",
    }),
    online: Type.Boolean({ description: "whether connected to the cluster, in whichever channel" }),
  },
  {
    examples: [
      {
        user: "bob",
        name: "Bob",
        role: "member",
        since: 1_800_000_000_000,
        lastSeenAt: 1_800_000_060_000,
        online: true,
      },
    ],
  },
);

/** `GET /v1/channels/{id}/members` */
const list = defineRoute({
  method: "GET",
  url: "/v1/channels/:id/members",
  family: "channels",
  access: MODERATORS_AND_KEYS,
  params: ChannelParams,
  query: Type.Object(PAGING),
  body: NOTHING,
  tells: {
    operationId: "listMembers",
    summary: "Who has a role in a channel",
    description:
      "For the channel's moderators and owners, and for backends; of a direct channel for both who are in it. In a public channel everybody is a member; listed are those " +
      "to whom a role was given, such as its owner.",
    answers: { 200: Type.Object({ members: Type.Array(MemberSchema), cursor: CursorAnswer }) },
    refuses: ["not_found"],
  },
  async handle(api, { caller, params: { id }, query }) {
    const { after, limit } = readPaging(query, isUserId);
    await lookAtMembers(api, caller, id);
    const found = await api.members.list(id, after, limit + 1);
    const { rows, ...more } = toPage(found, limit, ({ user }) => user);
    const members = await Promise.all(rows.map((row) => describeMember(api, row)));
    return { status: 200, body: { members, ...more } };
  },
});

/** `GET /v1/channels/{id}/members/{user}` */
const show = defineRoute({
  method: "GET",
  url: "/v1/channels/:id/members/:user",
  family: "channels",
  access: MODERATORS_AND_KEYS,
  params: ChannelUserParams,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "showMember",
    summary: "A user's role in a channel",
    description: "As in the list of members; `not_found` for one who has none.",
    answers: { 200: MemberSchema },
    refuses: ["not_found"],
  },
  async handle(api, { caller, params }) {
    const { channel, user } = readChannelUser(params);
    await lookAsModerator(api, caller, channel);
    const row = await api.members.find(channel, user);
    if (row === undefined) throw new ChatError("not_found", "this user has no role in the channel", { channel });
    return { status: 200, body: await describeMember(api, row) };
  },
});

/** `PUT /v1/channels/{id}/members/{user}` */
const give = defineRoute({
  method: "PUT",
  url: "/v1/channels/:id/members/:user",
  family: "channels",
  access: MODERATORS_AND_KEYS,
  params: ChannelUserParams,
  query: NOTHING,
  body: Type.Object({ role: RoleField }, { examples: [{ role: "member" }, { role: "moderator" }] }),
  tells: {
    operationId: "giveRole",
    summary: "Gives a user a role in a channel",
    description:
      "So somebody is let into a private channel, and made a moderator. A moderator acts on lower roles and gives none above " +
      "their own, an owner and a backend give any. Nobody changes their own role but to give it up, and a channel is never " +
      "without an owner (`conflict`). A direct channel has its two members (`conflict`). `too_many`: over the channel's member cap.",
    answers: { 200: Type.Object({ user: Type.String(), role: RoleField, receipt: ReceiptSchema }) },
    refuses: ["not_found", "conflict", "too_many", "unknown"],
  },
  async handle(api, { caller, params, body: { role } }) {
    const { channel, user } = readChannelUser(params);
    const receipt = await setRole(api, caller, channel, user, role);
    return { status: 200, body: { user, role, receipt } };
  },
});

/** `DELETE /v1/channels/{id}/members/{user}` */
const take = defineRoute({
  method: "DELETE",
  url: "/v1/channels/:id/members/:user",
  family: "channels",
  access: MODERATORS_AND_KEYS,
  params: ChannelUserParams,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "takeRole",
    summary: "Takes a user's role in a channel",
    description:
      "Of somebody with a lower role, or one's own. In a public channel the user is a member like everybody else then; out of " +
      "any other the user is taken. The last owner stays (`conflict`), and so do the two members of a direct channel.",
    answers: { 200: ReceiptAnswer },
    refuses: ["not_found", "conflict", "unknown"],
  },
  async handle(api, { caller, params }) {
    const { channel, user } = readChannelUser(params);
    return { status: 200, body: { receipt: await setRole(api, caller, channel, user, null) } };
  },
});

export const memberRoutes: readonly Route[] = [list, show, give, take];

async function setRole(api: ApiContext, caller: Caller, channel: string, user: string, role: Role | null) {
  const partition = api.partitions.of(channel);
  const act = { actor: actorOf(caller), channel, partition, user, role };
  return (await api.enforcement.enforce(partition, () => api.acts.setRole(act), channel)).receipt;
}

async function describeMember({ presence }: ApiContext, row: ChannelMemberRow): Promise<object> {
  const sessions = await presence.sessionsOf(row.user);
  const { user, name, role, since } = row;
  const online = sessions.length > 0;
  const seenAt = row.lastSeenAt === null && !online ? null : lastSeenAt(row.lastSeenAt ?? 0, sessions);
  return { user, name: name ?? user, role, since, lastSeenAt: seenAt, online };
}
