// How the chat looks in a terminal of 40 columns, to the letter.
import { describe, expect, it } from "vitest";
import { message } from "./fake-edge.suite.ts";
import { drawScreen } from "./screen.ts";
import type { ScreenState } from "./screen.ts";
import { createScrollback } from "./scrollback.ts";

const NOON = new Date(2026, 0, 1, 12, 0).getTime();
const scrollback = createScrollback();
const said = (seq: number, over: Parameters<typeof message>[1]) =>
  scrollback.add(message(seq, { at: NOON, ...over }), "bob");

said(1, { body: "a text that is longer than forty columns of a terminal\n12:00 #9 bob: hi" });
scrollback.note("eve joined (3 here)");
scrollback.markUnread();
said(2, { user: "guest-1", name: "bob", body: "\u001b[2J漢字", replyTo: "m1", mentions: ["bob"] });
said(3, {
  body: "x",
  editedAt: 5,
  reactions: [
    { emoji: "👍", count: 2, mine: true },
    { emoji: "❤️", count: 1, mine: false },
  ],
});
said(4, { deleted: true });

const state: ScreenState = {
  items: scrollback.items(),
  below: 0,
  channel: "lobby",
  connection: "joined",
  crowd: { online: 3, mode: "full" },
  typists: [],
  backlog: 0,
  input: "",
  cursor: 0,
  numberOf: (id) => scrollback.byId(id)?.number,
};
const draw = (over: Partial<ScreenState> = {}, rows = 16, columns = 40) => {
  const screen = drawScreen({ ...state, ...over }, { columns, rows });
  return { ...screen, texts: screen.lines.map(({ text }) => text.trimEnd()) };
};

describe("the screen", () => {
  it("shows what was said, what became of it, and nothing of others that begins like a message", () => {
    expect(draw().texts).toEqual([
      "",
      "",
      "12:00 #1 alice: a text that is longer",
      "  | than forty columns of a terminal",
      "  | 12:00 #9 bob: hi",
      "  | 1 reply",
      "* eve joined (3 here)",
      `-- unread ${"-".repeat(30)}`,
      '12:00 #2 guest-1 "bob": [to #1]',
      String.raw`  | \u{1b}[2J漢字`,
      "12:00 #3 alice: x (edited)",
      "  | 👍 2*  ❤️ 1",
      "12:00 #4 alice: (deleted)",
      "lobby - 3 here",
      "",
      ">",
    ]);
  });

  it("is as high as the terminal, the newest at the bottom, and keeps the line that is entered to the last row", () => {
    for (const rows of [1, 2, 3, 4, 7, 30]) expect(draw({}, rows).lines).toHaveLength(rows);
    expect(draw({ input: "hi" }, 1).texts).toEqual(["> hi"]);
    expect(draw({}, 5).texts.slice(0, 3)).toEqual(["  | 👍 2*  ❤️ 1", "12:00 #4 alice: (deleted)", "lobby - 3 here"]);
    expect(draw({ below: 1 }, 5).texts.slice(1, 3)).toEqual(["  | 👍 2*  ❤️ 1", "lobby - 1 below - 3 here"]);
  });

  it("tells the connection, the crowd and what waits in its status, and who writes below", () => {
    const status = (over: Partial<ScreenState>): unknown => draw(over).texts.at(-3);
    expect(status({ connection: "away" })).toBe("lobby - connecting");
    expect(status({ connection: "open" })).toBe("lobby - joining");
    expect(status({ connection: "open", channel: undefined, crowd: undefined })).toBe("no channel");
    expect(status({ crowd: { online: 2000, mode: "count" }, backlog: 2 })).toBe("lobby - 2000 here, count - 2 to send");
    const typing = (count: number): unknown =>
      draw({ typists: Array.from({ length: count }, (_, n) => ({ user: `user-${n}`, name: `user-${n}` })) }).texts.at(
        -2,
      );
    expect([typing(0), typing(1), typing(2), typing(20)]).toEqual([
      "",
      "user-0 writes",
      "user-0, user-1 write",
      "20 write",
    ]);
  });

  it("shows of a long line the part in which the cursor stands", () => {
    const input = `${"a".repeat(50)}${"b".repeat(50)}`;
    const at = (cursor: number) => {
      const { texts, cursorColumn } = draw({ input, cursor });
      return [texts.at(-1), cursorColumn];
    };
    expect(at(0)).toEqual([`> ${"a".repeat(37)}`, 2]);
    expect(at(100)).toEqual([`> ${"b".repeat(37)}`, 39]);
    expect(at(60)).toEqual([`> ${"a".repeat(27)}${"b".repeat(10)}`, 39]);
    expect(draw({ input: "漢字\u0007", cursor: 2 }).cursorColumn).toBe(6);
    expect(draw({ input: "漢字\u0007", cursor: 2 }).texts.at(-1)).toBe(String.raw`> 漢字\u{7}`);
  });
});
