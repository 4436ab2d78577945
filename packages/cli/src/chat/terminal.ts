// `chat` on a terminal: draws the screen when something has changed, and reads keys by readline, which edits the line and knows
// what was entered before. Must leave the terminal as it was found, however it ends.
// States: how far back somebody looks (at the newest, or held at an item), and what is drawn.
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import type { Readable } from "node:stream";
import { Writable } from "node:stream";
import type { Screen as Terminal } from "../io.ts";
import type { Chat } from "./chat.ts";
import { drawScreen } from "./screen.ts";
import type { Line, Screen, Style } from "./screen.ts";

export interface TerminalChat {
  /** Something may look different now. */
  changed(this: void): void;
  close(this: void): void;
}

export interface TerminalOptions {
  readonly input: Readable;
  readonly terminal: Terminal;
  readonly chat: Chat;
  /** Somebody wants to go. */
  readonly quit: () => void;
}

const ESC = "\u001b[";
/** The other screen, so that what stood there before comes back; no wrapping, so that a misjudged width spoils one line only. */
const ENTER = `${ESC}?1049h${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
const STYLES: Readonly<Record<Style, string>> = { plain: "0", bold: "1", dim: "2", inverse: "7" };
/** More often nobody sees it, and a busy channel would be drawn for nothing. */
const DRAW_EVERY_MS = 30;
/** Whoever writes stops by themselves. */
const LOOK_AGAIN_MS = 1000;
/** Items of one look back. */
const PAGE = 10;
const HISTORY_LINES = 100;

export function openTerminal({ input, terminal, chat, quit }: TerminalOptions): TerminalChat {
  const lines = createInterface({ input, output: nowhere(), terminal: true, historySize: HISTORY_LINES });
  /** The newest item that is looked at, counted from the first; undefined for whatever is the newest. */
  let heldAt: number | undefined;
  let drawn: readonly Line[] = [];
  let timer: NodeJS.Timeout | undefined;

  const draw = (): void => {
    timer = undefined;
    const screen = drawScreen(stateOf(chat, lines, heldAt), terminal);
    terminal.write(difference(drawn, screen));
    drawn = screen.lines;
    if (heldAt === undefined) chat.shown();
  };
  const changed = (): void => void (timer ??= setTimeout(draw, DRAW_EVERY_MS));
  const redraw = (): void => {
    drawn = [];
    changed();
  };
  const look = (items: number): void => {
    const { scrollback } = chat;
    const oldest = scrollback.total() - scrollback.items().length + 1;
    const at = Math.max(oldest, (heldAt ?? scrollback.total()) + items);
    heldAt = at >= scrollback.total() ? undefined : at;
  };

  input.on("keypress", (_text: unknown, key: { readonly name?: string } | undefined) => {
    if (key?.name === "pageup") look(-PAGE);
    if (key?.name === "pagedown") look(PAGE);
    chat.writing(lines.line);
    changed();
  });
  lines.on("line", (line) => {
    heldAt = undefined;
    chat.line(line);
    changed();
  });
  lines.once("SIGINT", quit);
  lines.once("close", quit);
  // To be stopped would leave a shell on the screen of the chat.
  lines.on("SIGTSTP", () => undefined);
  terminal.on("resize", redraw);
  const again = setInterval(changed, LOOK_AGAIN_MS);
  terminal.write(ENTER);
  changed();
  return {
    changed,
    close() {
      clearTimeout(timer);
      clearInterval(again);
      terminal.off("resize", redraw);
      lines.close();
      terminal.write(LEAVE);
    },
  };
}

function stateOf(chat: Chat, lines: Interface, heldAt: number | undefined) {
  const { scrollback } = chat;
  const talk = chat.talk();
  return {
    items: scrollback.items(),
    below: heldAt === undefined ? 0 : scrollback.total() - heldAt,
    channel: talk?.channel,
    connection: chat.connection(),
    crowd: talk?.crowd(),
    typists: talk?.typists() ?? [],
    backlog: chat.backlog(),
    input: lines.line,
    cursor: lines.cursor,
    numberOf: (id: string) => scrollback.byId(id)?.number,
  };
}

/** What readline would draw by itself. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** Only the lines that are not there yet, and the cursor into the last one. */
function difference(drawn: readonly Line[], { lines, cursorColumn }: Screen): string {
  const isAsBefore = drawn.length === lines.length;
  const changes = lines.flatMap((line, row) => {
    const before = isAsBefore ? drawn[row] : undefined;
    if (before?.text === line.text && before.style === line.style) return [];
    return [`${ESC}${row + 1};1H${ESC}${STYLES[line.style]}m${line.text}${ESC}0m${ESC}K`];
  });
  const cursor = `${ESC}${lines.length};${cursorColumn + 1}H`;
  return changes.length === 0 ? cursor : `${ESC}?25l${changes.join("")}${cursor}${ESC}?25h`;
}
