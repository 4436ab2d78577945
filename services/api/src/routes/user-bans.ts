// Bans of a user in the whole cluster. For backends alone: no user stands above all channels.
import { actorName, actorOf } from "../callers.ts";
import { readUser, UserParams } from "../fields.ts";
import { ReceiptAnswer, ReceiptSchema } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { BanEverywhereSchema, readSanction, SanctionBody } from "../sanction-shape.ts";
import Type from "typebox";

const MODERATING_KEYS = { users: false, scopes: ["moderate"] } as const;
/** What concerns no one channel is told there. */
const GLOBAL_PARTITION = 0;

/** `PUT /v1/users/{id}/ban` */
const ban = defineRoute({
  method: "PUT",
  url: "/v1/users/:id/ban",
  family: "users",
  access: MODERATING_KEYS,
  params: UserParams,
  query: NOTHING,
  body: SanctionBody,
  tells: {
    operationId: "banUser",
    summary: "Bans a user everywhere, until a time or for good",
    description:
      "Every connection of the user is closed with 4503, and so is each new one until the ban ends; the api refuses the user's " +
      "requests with `banned`. Roles stay. In place of a ban that stands, this one.",
    answers: { 200: Type.Object({ ban: BanEverywhereSchema, receipt: ReceiptSchema }) },
    refuses: ["unknown"],
  },
  async handle({ globals, sanctions, enforcement }, { caller, params, body }) {
    const user = readUser("id", params.id);
    const given = readSanction(body);
    const actor = actorOf(caller);
    const { receipt } = await enforcement.enforce(GLOBAL_PARTITION, () => globals.ban(actor, user, given));
    // Another backend may have lifted it at once.
    const row = await sanctions.findEverywhere(user).catch(() => undefined);
    const said = row ?? { user, ...given, by: actorName(actor), at: Date.now() };
    return { status: 200, body: { ban: { ...said, channel: null }, receipt } };
  },
});

/** `DELETE /v1/users/{id}/ban` */
const unban = defineRoute({
  method: "DELETE",
  url: "/v1/users/:id/ban",
  family: "users",
  access: MODERATING_KEYS,
  params: UserParams,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "unbanUser",
    summary: "Ends a user's ban everywhere",
    description: "Bans in channels stand. Where there is none nothing happens, and nobody is expected to confirm it.",
    answers: { 200: ReceiptAnswer },
    refuses: ["unknown"],
  },
  async handle({ globals, enforcement }, { caller, params }) {
    const user = readUser("id", params.id);
    const actor = actorOf(caller);
    const { receipt } = await enforcement.enforce(GLOBAL_PARTITION, () => globals.ban(actor, user, null));
    return { status: 200, body: { receipt } };
  },
});

export const userBanRoutes: readonly Route[] = [ban, unban];
