// What happened, for those who have to answer for it. Read from Postgres alone: what was noted a moment ago may still be on its way.
import { AUDIT_KINDS } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { AuditCursor } from "@rookery/store";
import Type from "typebox";
import { CursorAnswer, PAGING, readPaging } from "../paging.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const TimeMs = Type.Integer({
  minimum: 0,
  maximum: 9_007_199_254_740_991,
  description: "milliseconds since the Unix epoch",
});
const nullable = (description: string) => Type.Union([Type.String({ description }), Type.Null()]);
/** What Postgres can be asked for: it takes no NUL in a text, and no id has another control character. */
const who = (description: string) =>
  Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]+$", description }),
  );

const EntrySchema = Type.Object({
  id: Type.String({ description: "of a message its id; of an edit or deletion `@` and its position" }),
  at: TimeMs,
  kind: Type.String(),
  actor: Type.String({ description: "a user id, `key:<name>` of an API key, or `node:<id>`" }),
  subject: nullable("to whom, or to what"),
  channel: nullable("where"),
  node: nullable("the node that held the connection"),
  address: nullable("a hash of the address of the connection"),
  reason: nullable("as it was given"),
  data: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
});

/** `GET /v1/audit` */
const list = defineRoute({
  method: "GET",
  url: "/v1/audit",
  family: "audit",
  access: { users: false, scopes: ["admin"] },
  params: NOTHING,
  query: Type.Object({
    ...PAGING,
    channel: who(
      "only what happened in this channel; with it come its messages, edits and deletions, by id and without their text",
    ),
    actor: who("only what was done by this user, `key:<name>` or `node:<id>`"),
    subject: who("only what was done to this user"),
    kind: Type.Optional(Type.Enum([...AUDIT_KINDS], { description: "only records of this kind" })),
    from: Type.Optional(TimeMs),
    to: Type.Optional(TimeMs),
  }),
  body: NOTHING,
  tells: {
    operationId: "listAudit",
    summary: "What happened, the newest first",
    description:
      "Connections, refused tokens, joins and leaves, and every act of moderation. A page may be shorter than `limit` and still have " +
      "a `cursor`. Records stand here once they are in Postgres, mostly within a second.",
    answers: { 200: Type.Object({ entries: Type.Array(EntrySchema), cursor: CursorAnswer }) },
    refuses: ["invalid"],
  },
  async handle(api, { query }) {
    const { channel, actor, subject, kind, from, to } = query;
    const { after, limit } = readPaging(query, (text) => CURSOR.test(text));
    const question = { channel, actor, subject, kind, fromMs: from, toMs: to };
    const page = await api.audit.page(question, limit, after === undefined ? undefined : cursorOf(after));
    const cursor = page.next === undefined ? {} : { cursor: textOf(page.next) };
    return { status: 200, body: { entries: page.entries, ...cursor } };
  },
});

export const auditRoutes: readonly Route[] = [list];

/** Behind a record, and in the channel behind a position. The id comes last: it may hold anything. */
const CURSOR = /^(\d{1,16})\|(\d{1,16})-(\d{1,16})\|(.*)$/s;

function textOf({ at, epoch, seq, id }: AuditCursor): string {
  return Buffer.from(`${at}|${epoch}-${seq}|${id}`).toString("base64url");
}

function cursorOf(text: string): AuditCursor {
  const [, at, epoch, seq, id = ""] = CURSOR.exec(text) ?? [];
  const numbers = [at, epoch, seq].map(Number);
  if (!numbers.every((each) => Number.isSafeInteger(each)) || id.includes("\0"))
    throw new ChatError("invalid", '"cursor" must be one that the server gave');
  const [atMs = 0, inEpoch = 0, inSeq = 0] = numbers;
  return { at: atMs, id, epoch: inEpoch, seq: inSeq };
}
