// What a line that somebody entered in `chat` means. Pure: which message a number stands for is known elsewhere.

/** `number`: as it is shown before a message; left out for the message that the command means by itself. */
export type Intent =
  | { readonly kind: "send"; readonly body: string }
  | { readonly kind: "reply"; readonly number?: number; readonly body: string }
  | { readonly kind: "edit"; readonly number?: number; readonly body: string }
  | { readonly kind: "delete"; readonly number?: number }
  | { readonly kind: "react"; readonly number?: number; readonly emoji: string }
  | { readonly kind: "join"; readonly channel: string }
  | { readonly kind: "leave" }
  | { readonly kind: "who" }
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  /** Nothing to do but to tell why. */
  | { readonly kind: "mistake"; readonly text: string };

interface CommandRow {
  readonly usage: string;
  readonly tells: string;
  /** Undefined when the arguments are not as the usage says. */
  readonly read: (rest: string) => Intent | undefined;
}

const NUMBERED = /^#(\d{1,9})(?:\s+([\s\S]*))?$/;
/** Where no text follows, the sign before a number may be left out. */
const NUMBER = /^#?(\d{1,9})$/;
const NUMBER_AND_EMOJI = /^(?:#?(\d{1,9})\s+)?(\S+)$/;

const bare = (kind: "leave" | "who" | "help" | "quit"): CommandRow["read"] => {
  return (rest) => (rest === "" ? { kind } : undefined);
};
const withText = (kind: "reply" | "edit"): CommandRow["read"] => {
  return (rest) => {
    const [, number, text] = NUMBERED.exec(rest) ?? [undefined, undefined, rest];
    const body = text?.trim() ?? "";
    if (body === "") return undefined;
    return number === undefined ? { kind, body } : { kind, number: Number(number), body };
  };
};

// prettier-ignore
export const CHAT_COMMANDS: Readonly<Record<string, CommandRow>> = {
  edit: { usage: "/edit [#n] text", tells: "change your last message, or #n", read: withText("edit") },
  delete: { usage: "/delete [#n]", tells: "delete your last message, or #n", read: readDelete },
  react: { usage: "/react [#n] emoji", tells: "put an emoji on the last message, or take yours back", read: readReact },
  reply: { usage: "/reply [#n] text", tells: "answer the last message of others, or #n", read: withText("reply") },
  who: { usage: "/who", tells: "who is here", read: bare("who") },
  join: { usage: "/join channel", tells: "go to another channel", read: readJoin },
  leave: { usage: "/leave", tells: "leave the channel", read: bare("leave") },
  quit: { usage: "/quit", tells: "end", read: bare("quit") },
  help: { usage: "/help", tells: "this list", read: bare("help") },
};

const COMMAND = /^\/([a-z]+)(?:\s+([\s\S]*))?$/;

/** `typed`: a person sees the answer, so a command that is none is a mistake; in a pipe it is text like any other line. */
export function readLine(line: string, typed: boolean): Intent | undefined {
  const text = line.trimEnd();
  if (text.trim() === "") return undefined;
  if (!text.startsWith("/")) return { kind: "send", body: text };
  if (text.startsWith("//")) return { kind: "send", body: text.slice(1) };
  const [, name = "", rest = ""] = COMMAND.exec(text) ?? [];
  const row = Object.hasOwn(CHAT_COMMANDS, name) ? CHAT_COMMANDS[name] : undefined;
  if (row !== undefined) return row.read(rest.trim()) ?? { kind: "mistake", text: `it is ${row.usage}` };
  if (!typed) return { kind: "send", body: text };
  return { kind: "mistake", text: `no such command; /help lists them, and // begins a message with a slash` };
}

/** The lines of `/help`. */
export function helpLines(): string[] {
  const rows = Object.values(CHAT_COMMANDS);
  return [...rows.map(({ usage, tells }) => `${usage}: ${tells}`), "//text: a message that begins with a slash"];
}

function readDelete(rest: string): Intent | undefined {
  if (rest === "") return { kind: "delete" };
  const number = NUMBER.exec(rest)?.[1];
  return number === undefined ? undefined : { kind: "delete", number: Number(number) };
}

function readReact(rest: string): Intent | undefined {
  const [, number, emoji] = NUMBER_AND_EMOJI.exec(rest) ?? [];
  // A number alone is hardly meant as an emoji.
  if (emoji === undefined || (number === undefined && NUMBER.test(emoji))) return undefined;
  return number === undefined ? { kind: "react", emoji } : { kind: "react", number: Number(number), emoji };
}

function readJoin(rest: string): Intent | undefined {
  return /^\S+$/.test(rest) ? { kind: "join", channel: rest } : undefined;
}
