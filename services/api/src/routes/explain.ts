// Why a message did or did not reach a user, for operators. What is known of it is gathered here, in Postgres by three statements
// and in Redis by one or two reads; what follows from it is explain.ts' to say.
import { ChatError, CLIENT_FRAMES, isUserId, parseSequencedFrame } from "@rookery/protocol";
import type { TracedMessage } from "@rookery/store";
import Type from "typebox";
import type { ApiContext } from "../context.ts";
import { EVIDENCE, explain } from "../explain.ts";
import { USER_FIELD, USER_WORDS } from "../fields.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

/** What Postgres does not have yet is among the newest of its channel, unless it waits for long. */
const NEWEST = 200;
const NEWEST_BYTES = 512 * 1024;

const StepSchema = Type.Object({
  at: Type.Unsafe<number | null>({
    type: ["integer", "null"],
    description: "milliseconds since the Unix epoch; null where it has no time, or none that is known",
  }),
  what: Type.String(),
  ok: Type.Boolean({ description: "whether the message came this far, as far as is known" }),
  evidence: Type.Enum([...EVIDENCE], { description: "where this is known from" }),
});

/** `GET /v1/explain` */
const show = defineRoute({
  method: "GET",
  url: "/v1/explain",
  family: "cluster",
  access: { users: false, scopes: ["admin"] },
  params: NOTHING,
  query: Type.Object({
    message: CLIENT_FRAMES.edit.properties.id,
    user: Type.String(USER_FIELD),
    channel: Type.Optional(CLIENT_FRAMES.send.properties.channel),
  }),
  body: NOTHING,
  tells: {
    operationId: "explainDelivery",
    summary: "Why a message did or did not reach a user",
    description:
      "The message's way, and the user's rights and presence at that moment, each step with where it is known from, or " +
      "`not recorded`. Without `channel` every channel is looked into; a message that Postgres does not have yet is found " +
      "with it alone. No text is told.",
    answers: {
      200: Type.Object({
        message: Type.String(),
        user: Type.String(),
        channel: Type.String(),
        steps: Type.Array(StepSchema),
        verdict: Type.String({ description: "one sentence" }),
      }),
    },
    refuses: ["not_found"],
  },
  async handle(api, { query: { message: id, user, channel } }) {
    if (!isUserId(user)) throw new ChatError("invalid", `"user" must be ${USER_WORDS}`);
    const stored = await api.happenings.message(id, channel);
    const message = stored ?? (channel === undefined ? undefined : await unstored(api, id, channel));
    if (message === undefined) throw new ChatError("not_found", "no such message; one that is new needs its channel");
    const [standing, records, sessions] = await Promise.all([
      api.happenings.standing(message.channel, user),
      api.happenings.records(user, message.channel, message.at),
      api.presence.sessionsOf(user),
    ]);
    const about = { user, message, isCommitted: stored !== undefined, standing, records, sessions };
    return { status: 200, body: { message: id, user, channel: message.channel, ...explain(about) } };
  },
});

export const explainRoutes: readonly Route[] = [show];

async function unstored({ history }: ApiContext, id: string, channel: string): Promise<TracedMessage | undefined> {
  const { frames } = await history.backward(channel, undefined, NEWEST, NEWEST_BYTES);
  for (const { frame } of frames) {
    if (!frame.includes(id)) continue;
    const { id: its, epoch, seq, user: author, at } = parseSequencedFrame(frame);
    if (its === id) return { channel, epoch, seq, author, at, deletedAt: null };
  }
  return undefined;
}
