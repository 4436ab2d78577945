import { describe, expect, it } from "vitest";
import { CHAT_COMMANDS, helpLines, readLine } from "./intents.ts";
import type { Intent } from "./intents.ts";

describe("a line", () => {
  it.each<[string, Intent | undefined]>([
    ["hello", { kind: "send", body: "hello" }],
    ["  set in  ", { kind: "send", body: "  set in" }],
    ["", undefined],
    [" \t", undefined],
    ["//etc is a folder", { kind: "send", body: "/etc is a folder" }],
    ["/edit new text", { kind: "edit", body: "new text" }],
    ["/edit 3 apples", { kind: "edit", body: "3 apples" }],
    ["/edit #3 apples", { kind: "edit", number: 3, body: "apples" }],
    ["/edit #tag", { kind: "edit", body: "#tag" }],
    ["/delete", { kind: "delete" }],
    ["/delete 12", { kind: "delete", number: 12 }],
    ["/delete #12", { kind: "delete", number: 12 }],
    ["/react 👍", { kind: "react", emoji: "👍" }],
    ["/react #7 👍", { kind: "react", number: 7, emoji: "👍" }],
    ["/react 7 👍", { kind: "react", number: 7, emoji: "👍" }],
    ["/reply yes", { kind: "reply", body: "yes" }],
    ["/reply #7 yes, 8", { kind: "reply", number: 7, body: "yes, 8" }],
    ["/who", { kind: "who" }],
    ["/join other", { kind: "join", channel: "other" }],
    ["/leave", { kind: "leave" }],
    ["/quit ", { kind: "quit" }],
    ["/help", { kind: "help" }],
  ])("%j is understood", (line, intent) => {
    expect(readLine(line, true)).toEqual(intent);
    expect(readLine(line, false)).toEqual(intent);
  });

  it.each([
    "/edit",
    "/edit #3",
    "/delete x",
    "/react",
    "/react 7",
    "/react a b",
    "/reply #3 ",
    "/join",
    "/join a b",
    "/who x",
  ])("%j is a mistake that is told by how it is meant", (line) => {
    const intent = readLine(line, true);
    expect(intent).toMatchObject({ kind: "mistake", text: expect.stringContaining(line.split(" ", 1)[0] ?? "") });
  });

  it.each(["/usr/bin", "/nothing", "/constructor", "/"])(
    "%j is no command: a person is told, a pipe means it",
    (line) => {
      expect(readLine(line, true)).toMatchObject({ kind: "mistake" });
      expect(readLine(line, false)).toEqual({ kind: "send", body: line });
    },
  );

  it("of help names every command", () => {
    for (const { usage } of Object.values(CHAT_COMMANDS)) expect(helpLines().join("\n")).toContain(usage);
  });
});
