// Contract of the cursor of members: it comes back as it was given, and nothing else is taken for one.
import { MAX_CURSOR_BYTES, MAX_USER_ID_BYTES } from "@rookery/protocol";
import { expect, it } from "vitest";
import { readCursor, writeCursor } from "./members-cursor.ts";

it.each(["ann", "Zoë 🦜", "a|b:c", "x".repeat(MAX_USER_ID_BYTES)])("the cursor behind %j leads there again", (user) => {
  const cursor = writeCursor("lobby", user);
  expect(readCursor("lobby", cursor)).toBe(user);
  expect(cursor).toMatch(/^[\w-]+$/);
  expect(cursor.length).toBeLessThanOrEqual(MAX_CURSOR_BYTES);
});

it.each([
  "",
  "x",
  "ann",
  "AAAAAA",
  "!!!!!!!!",
  "\u0000",
  writeCursor("attic", "ann"),
  `${writeCursor("lobby", "ann")}A`,
])("%j is no cursor of the lobby", (cursor) => expect(readCursor("lobby", cursor)).toBeUndefined());
