// Bans and mutes of one channel, and kicks: what is done to somebody who misbehaves there. Bans and mutes differ in a word
// and in what they forbid, so their routes are made twice from one description. Who may do what to whom is judged by the
// database, where it is written.
import { ChatError, isUserId } from "@rookery/protocol";
import type { SanctionGiven, SanctionKind } from "@rookery/store";
import Type from "typebox";
import { actorName, actorOf } from "../callers.ts";
import type { Caller } from "../callers.ts";
import { lookAsModerator } from "../channel-access.ts";
import { ChannelParams } from "../channel-shape.ts";
import type { ApiContext } from "../context.ts";
import { ChannelUserParams, readChannelUser } from "../fields.ts";
import { CursorAnswer, PAGING, readPaging, toPage } from "../paging.ts";
import { ReceiptAnswer, ReceiptSchema } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { readReason, readSanction, ReasonField, SanctionBody, SanctionSchema } from "../sanction-shape.ts";

const MODERATORS_AND_KEYS = { users: true, scopes: ["moderate"] } as const;

interface Words {
  readonly kind: SanctionKind;
  /** In paths, and the field of a list. */
  readonly plural: "bans" | "mutes";
  /** In names of operations. */
  readonly upper: "Ban" | "Mute";
  readonly effect: string;
}

const BAN: Words = {
  kind: "ban",
  plural: "bans",
  upper: "Ban",
  effect:
    "A banned user is taken out of the channel (`removed`, with code, end and reason), may not come in again, and neither " +
    "reads nor writes there. A ban takes the user's role, and its end gives none back. In place of a ban that stands, this one.",
};
const MUTE: Words = {
  kind: "mute",
  plural: "mutes",
  upper: "Mute",
  effect:
    "A muted user reads and stays, and neither writes nor reacts (`rights` tells, with the end). In place of a mute that stands, " +
    "this one.",
};

function routesOf(words: Words): readonly Route[] {
  return [listOf(words), showOf(words), giveOf(words), liftOf(words)];
}

function listOf({ kind, plural, upper }: Words): Route {
  return defineRoute({
    method: "GET",
    url: `/v1/channels/:id/${plural}`,
    family: "channels",
    access: MODERATORS_AND_KEYS,
    params: ChannelParams,
    query: Type.Object(PAGING),
    body: NOTHING,
    tells: {
      operationId: `list${upper}s`,
      summary: `The ${plural} in force in a channel, by user`,
      description: "For the channel's moderators and owners, and for backends.",
      answers: { 200: Type.Object({ [plural]: Type.Array(SanctionSchema), cursor: CursorAnswer }) },
      refuses: ["not_found"],
    },
    async handle(api, { caller, params: { id }, query }) {
      const { after, limit } = readPaging(query, isUserId);
      await lookAsModerator(api, caller, id);
      const found = await api.sanctions.list(kind, id, after, limit + 1);
      const { rows, ...more } = toPage(found, limit, ({ user }) => user);
      return { status: 200, body: { [plural]: rows, ...more } };
    },
  });
}

function showOf({ kind, plural, upper }: Words): Route {
  return defineRoute({
    method: "GET",
    url: `/v1/channels/:id/${plural}/:user`,
    family: "channels",
    access: MODERATORS_AND_KEYS,
    params: ChannelUserParams,
    query: NOTHING,
    body: NOTHING,
    tells: {
      operationId: `show${upper}`,
      summary: `The ${kind} of a user that is in force in a channel`,
      description: "For the channel's moderators and owners, and for backends. `not_found` where there is none.",
      answers: { 200: Type.Object({ [kind]: SanctionSchema }) },
      refuses: ["not_found"],
    },
    async handle(api, { caller, params }) {
      const { channel, user } = readChannelUser(params);
      await lookAsModerator(api, caller, channel);
      const row = await api.sanctions.find(kind, channel, user);
      if (row === undefined) throw new ChatError("not_found", `there is no ${kind} of this user`, { channel });
      return { status: 200, body: { [kind]: row } };
    },
  });
}

function giveOf({ kind, plural, upper, effect }: Words): Route {
  return defineRoute({
    method: "PUT",
    url: `/v1/channels/:id/${plural}/:user`,
    family: "channels",
    access: MODERATORS_AND_KEYS,
    params: ChannelUserParams,
    query: NOTHING,
    body: SanctionBody,
    tells: {
      operationId: `give${upper}`,
      summary: `A ${kind} of a user in a channel, until a time or for good`,
      description:
        `${effect} Moderators act on lower roles, owners on all but owners, nobody on oneself; in a direct channel nobody is ` +
        "(`conflict`). Without `untilMs` and `forSec` it is for good.",
      answers: { 200: Type.Object({ [kind]: SanctionSchema, receipt: ReceiptSchema }) },
      refuses: ["not_found", "conflict", "unknown"],
    },
    async handle(api, { caller, params, body }) {
      const { channel, user } = readChannelUser(params);
      const given = readSanction(body);
      const receipt = await sanction(api, caller, { kind, channel, user }, given);
      // Another moderator may have lifted it at once.
      const row = await api.sanctions.find(kind, channel, user).catch(() => undefined);
      const said = { user, channel, ...given, by: actorName(actorOf(caller)), at: Date.now() };
      return { status: 200, body: { [kind]: row ?? said, receipt } };
    },
  });
}

function liftOf({ kind, plural, upper }: Words): Route {
  return defineRoute({
    method: "DELETE",
    url: `/v1/channels/:id/${plural}/:user`,
    family: "channels",
    access: MODERATORS_AND_KEYS,
    params: ChannelUserParams,
    query: NOTHING,
    body: NOTHING,
    tells: {
      operationId: `lift${upper}`,
      summary: `Ends the ${kind} of a user in a channel`,
      description: `Where there is none nothing happens, and nobody is expected to confirm it.`,
      answers: { 200: ReceiptAnswer },
      refuses: ["not_found", "conflict", "unknown"],
    },
    async handle(api, { caller, params }) {
      const { channel, user } = readChannelUser(params);
      return { status: 200, body: { receipt: await sanction(api, caller, { kind, channel, user }, null) } };
    },
  });
}

interface Whose {
  readonly kind: SanctionKind;
  readonly channel: string;
  readonly user: string;
}

async function sanction(
  { acts, enforcement, partitions }: ApiContext,
  caller: Caller,
  { kind, channel, user }: Whose,
  given: SanctionGiven | null,
) {
  const partition = partitions.of(channel);
  const act = { actor: actorOf(caller), channel, partition, user };
  const run = () => (kind === "ban" ? acts.ban({ ...act, ban: given }) : acts.mute({ ...act, mute: given }));
  return (await enforcement.enforce(partition, run, channel)).receipt;
}

/** `POST /v1/channels/{id}/kicks/{user}` */
const kick = defineRoute({
  method: "POST",
  url: "/v1/channels/:id/kicks/:user",
  family: "channels",
  access: MODERATORS_AND_KEYS,
  params: ChannelUserParams,
  query: NOTHING,
  body: Type.Object({ reason: ReasonField }, { examples: [{ reason: "calm down" }] }),
  tells: {
    operationId: "kickUser",
    summary: "Takes a user out of a channel",
    description:
      "All connections of the user, on every node (`removed` with code `kicked`). Nothing else changes: whoever may come in may " +
      "come in again. As for bans, of whoever has a lower role.",
    answers: { 200: ReceiptAnswer },
    refuses: ["not_found", "conflict", "unknown"],
  },
  async handle({ acts, enforcement, partitions }, { caller, params, body }) {
    const { channel, user } = readChannelUser(params);
    const partition = partitions.of(channel);
    const act = { actor: actorOf(caller), channel, partition, user, reason: readReason(body.reason) };
    const { receipt } = await enforcement.enforce(partition, () => acts.kick(act), channel);
    return { status: 200, body: { receipt } };
  },
});

export const sanctionRoutes: readonly Route[] = [...routesOf(BAN), ...routesOf(MUTE), kick];
