// How `chat` looks: from what is so now to the lines of a terminal, none wider than it. Called by terminal.ts whenever something
// may have changed. Pure. Nothing that others wrote begins a line but with a mark in front, so that no text can pass for a
// message of somebody else.
import { clip, graphemesOf, widthOf, wrap } from "./grapheme-width.ts";
import { crowdStatus, names } from "./crowd-words.ts";
import type { Crowd } from "./crowd-words.ts";
import type { Item, Reaction, Said } from "./scrollback.ts";
import type { Typist } from "./typists.ts";
import { speaker, visibleLine, visibleLines } from "./visible-text.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export type Style = "plain" | "bold" | "dim" | "inverse";

export interface Line {
  readonly text: string;
  readonly style: Style;
}

export interface ScreenState {
  readonly items: readonly Item[];
  /** How many of the newest items are below what is looked at. */
  readonly below: number;
  readonly channel: string | undefined;
  readonly connection: "away" | "open" | "joined";
  readonly crowd: Crowd | undefined;
  readonly typists: readonly Typist[];
  /** Entered and not settled. */
  readonly backlog: number;
  readonly input: string;
  /** In UTF-16 units, as readline counts. */
  readonly cursor: number;
  /** The number of a message by its id. */
  readonly numberOf: (id: string) => number | undefined;
}

export interface Screen {
  /** As many as there are rows: what was said, the status, who writes, the line that is entered. */
  readonly lines: readonly Line[];
  /** Where the cursor stands in the last line, from 0. */
  readonly cursorColumn: number;
}

/** Below the messages: status, who writes, input. */
const FOOT_ROWS = 3;
/** A terminal that is smaller is drawn as if it were not. */
const LEAST_COLUMNS = 10;
const PROMPT = "> ";
/** Before every line of a message but its first. */
const CONTINUED = "  | ";

export function drawScreen(state: ScreenState, { columns, rows }: Size): Screen {
  const width = Math.max(LEAST_COLUMNS, columns);
  const { line, cursorColumn } = inputLine(state, width);
  const foot = [statusLine(state, width), typingLine(state, width), line].slice(-Math.max(1, rows));
  const room = Math.max(0, rows - FOOT_ROWS);
  return { lines: [...bodyLines(state, width, room), ...foot], cursorColumn };
}

/** The newest that fit, at the bottom; items are measured only as far up as there is room. */
function bodyLines({ items, below, numberOf }: ScreenState, width: number, room: number): Line[] {
  let lines: Line[] = [];
  for (let at = items.length - below - 1; at >= 0 && lines.length < room; at -= 1) {
    const item = items[at];
    if (item !== undefined) lines = [...itemLines(item, width, numberOf), ...lines];
  }
  const blank = Array.from({ length: Math.max(0, room - lines.length) }, (): Line => ({ text: "", style: "plain" }));
  return [...blank, ...lines.slice(Math.max(0, lines.length - room))];
}

export function itemLines(item: Item, width: number, numberOf: ScreenState["numberOf"]): Line[] {
  if (item.kind === "unread") return [{ text: clip("-- unread ".padEnd(width, "-"), width), style: "bold" }];
  if (item.kind === "note") return setIn(`* ${item.text}`, width, "dim");
  return saidLines(item.said, width, numberOf);
}

function saidLines(said: Said, width: number, numberOf: ScreenState["numberOf"]): Line[] {
  const { number, user, name, at, body, replyTo } = said;
  const head = `${timeOf(at)} #${number} ${speaker(user, name)}: `;
  if (body === undefined) return setIn(`${head}(deleted)`, width, "dim");
  const to = replyTo === undefined ? "" : `[to ${shownNumber(numberOf(replyTo))}] `;
  const [first = "", ...others] = visibleLines(body).map((line) => line.replaceAll("\t", "  "));
  const edited = said.isEdited ? " (edited)" : "";
  const texts = [`${head}${to}${first}`, ...others];
  const style = said.isForMe ? "bold" : "plain";
  const lines = texts.flatMap((text, index) => {
    const whole = index === texts.length - 1 ? text + edited : text;
    return index === 0 ? setIn(whole, width, style) : continued(whole, width, style);
  });
  return [...lines, ...tailLines(said, width)];
}

/** What has come of it. */
function tailLines({ reactions, replies }: Said, width: number): Line[] {
  const parts = [
    ...[...reactions].map(([emoji, reaction]) => reactionText(emoji, reaction)),
    ...(replies === 0 ? [] : [`${replies} ${replies === 1 ? "reply" : "replies"}`]),
  ];
  return parts.length === 0 ? [] : continued(parts.join("  "), width, "dim");
}

/** A star for one's own. */
function reactionText(emoji: string, { count, mine }: Reaction): string {
  return `${visibleLine(emoji)} ${count}${mine ? "*" : ""}`;
}

function shownNumber(number: number | undefined): string {
  return number === undefined ? "an older one" : `#${number}`;
}

/** In lines of which all but the first are set in. */
function setIn(text: string, width: number, style: Style): Line[] {
  const [first = "", ...rest] = wrap(text, width);
  return [
    { text: first, style },
    ...(rest.length === 0 ? [] : continued(text.slice(first.length).trimStart(), width, style)),
  ];
}

function continued(text: string, width: number, style: Style): Line[] {
  return wrap(text, width - CONTINUED.length).map((line) => ({ text: `${CONTINUED}${line}`, style }));
}

/** Hours and minutes in the reader's time. */
function timeOf(at: number): string {
  return new Date(at).toTimeString().slice(0, 5);
}

const CONNECTION_WORDS = { away: "connecting", open: "joining" } as const;

function statusLine(state: ScreenState, width: number): Line {
  const { channel, connection, crowd, backlog, below } = state;
  const parts = [
    channel ?? "no channel",
    ...(connection === "joined" || (connection === "open" && channel === undefined)
      ? []
      : [CONNECTION_WORDS[connection]]),
    ...(below === 0 ? [] : [`${below} below`]),
    ...(crowd === undefined || connection !== "joined" ? [] : [crowdStatus(crowd)]),
    ...(backlog === 0 ? [] : [`${backlog} to send`]),
  ];
  return { text: clip(parts.join(" - "), width).padEnd(width), style: "inverse" };
}

function typingLine({ typists }: ScreenState, width: number): Line {
  if (typists.length === 0) return { text: "", style: "plain" };
  const verb = typists.length === 1 ? "writes" : "write";
  const text = `${names(typists)} ${verb}`;
  const short = widthOf(text) <= width ? text : `${typists.length} write`;
  return { text: clip(short, width), style: "dim" };
}

/** As much of the input as fits, with the cursor in it. */
function inputLine(
  { input, cursor }: ScreenState,
  width: number,
): { readonly line: Line; readonly cursorColumn: number } {
  const room = width - PROMPT.length - 1;
  const before = graphemesOf(visibleLine(input.slice(0, cursor))).toReversed();
  const left = fitting(before, room).toReversed().join("");
  const right = fitting(graphemesOf(visibleLine(input.slice(cursor))), room - widthOf(left)).join("");
  const line: Line = { text: `${PROMPT}${left}${right}`, style: "plain" };
  return { line, cursorColumn: PROMPT.length + widthOf(left) };
}

/** The first of these graphemes, as many as fit. */
function fitting(graphemes: readonly string[], columns: number): string[] {
  let width = 0;
  const over = graphemes.findIndex((grapheme) => (width += widthOf(grapheme)) > columns);
  return over < 0 ? [...graphemes] : graphemes.slice(0, over);
}
