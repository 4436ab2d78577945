// Where a page of members ends, in a form that a client hands back and does not read: the user, with a check by which what was
// made up or belongs to another channel is told from it. It protects nothing: whoever may ask for a page may ask for any.

import { createHash } from "node:crypto";

const CHECK_CHARS = 6;

export function writeCursor(channel: string, user: string): string {
  return `${checkOf(channel, user)}${Buffer.from(user).toString("base64url")}`;
}

/** The user, or undefined for what is no cursor of this channel. */
export function readCursor(channel: string, cursor: string): string | undefined {
  const user = Buffer.from(cursor.slice(CHECK_CHARS), "base64url").toString();
  return user !== "" && writeCursor(channel, user) === cursor ? user : undefined;
}

function checkOf(channel: string, user: string): string {
  return createHash("sha256").update(`${channel}|${user}`).digest("base64url").slice(0, CHECK_CHARS);
}
