// Lists in pages: the fields that ask for one and the cursor that leads to the next. A cursor is the last key of its page in
// a coat that nobody should build on; one that the server cannot have given is refused. Pure.
import { ChatError } from "@rookery/protocol";
import Type from "typebox";

const DEFAULT_LIMIT = 50;
/** A page of members asks Redis once for each. */
const MAX_LIMIT = 200;
/** A query takes no number of more digits. */
const MAX_QUERY_NUMBER = 999_999_999_999_999;
/** The longest key is a user id of 128 bytes. */
const MAX_CURSOR_CHARS = 172;

/** Fields of the query of every list. */
export const PAGING = {
  cursor: Type.Optional(
    Type.String({ description: "the cursor of the page before", minLength: 1, maxLength: MAX_CURSOR_CHARS }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_QUERY_NUMBER,
      default: DEFAULT_LIMIT,
      description: `a whole number from 1; capped at ${MAX_LIMIT}`,
    }),
  ),
};

export const CursorAnswer = Type.Optional(Type.String({ description: "leads to the next page; absent on the last" }));

export interface Wanted {
  /** The key that the page comes after. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** Throws ChatError `invalid` for a cursor that holds no key. */
export function readPaging(
  { cursor, limit = DEFAULT_LIMIT }: { readonly cursor?: string | undefined; readonly limit?: number | undefined },
  isKey: (text: string) => boolean,
): Wanted {
  return { after: cursor === undefined ? undefined : keyOf(cursor, isKey), limit: Math.min(limit, MAX_LIMIT) };
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly cursor?: string;
}

/** Of one row more than was wanted, which tells that there is more. */
export function toPage<Row>(found: readonly Row[], limit: number, key: (row: Row) => string): Page<Row> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  if (found.length <= limit || last === undefined) return { rows };
  return { rows, cursor: Buffer.from(key(last)).toString("base64url") };
}

function keyOf(cursor: string, isKey: (text: string) => boolean): string {
  const bytes = Buffer.from(cursor, "base64url");
  const key = bytes.toString("utf8");
  if (bytes.toString("base64url") === cursor && Buffer.from(key).equals(bytes) && isKey(key)) return key;
  throw new ChatError("invalid", '"cursor" must be one that the server gave');
}
