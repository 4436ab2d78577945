// Asks a Redis or a Sentinel of this machine in RESP, without a driver. Called by the starters, which must know whether a
// server answers and what it says of itself. Must never speak to another host: the peer's certificate is not looked at.
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/** How a loopback server is entered. */
export interface Door {
  port: number;
  /** Of the default user; empty for none. */
  password: string;
  tls: boolean;
}

export type Reply = string | number | null | Reply[];

/** The server answered, and it was an error. */
export class ErrorReply extends Error {}

/** A member that writes its configuration to a busy disk answers late. */
const answersWithinMs = 5_000;

interface Parsed {
  reply: Reply | ErrorReply;
  /** Where the next reply begins. */
  end: number;
}

/** Undefined while the reply is not whole. */
const parse = (bytes: Buffer, from: number): Parsed | undefined => {
  const lineEnd = bytes.indexOf("\r\n", from);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString("utf8", from + 1, lineEnd);
  const end = lineEnd + 2;
  const type = String.fromCharCode(bytes[from] ?? 0);
  if (type === "-") return { reply: new ErrorReply(line), end };
  if (type === ":") return { reply: Number(line), end };
  if (type === "$") return parseBulk(bytes, Number(line), end);
  if (type === "*") return parseArray(bytes, Number(line), end);
  return { reply: line, end };
};

const parseBulk = (bytes: Buffer, length: number, from: number): Parsed | undefined => {
  if (length < 0) return { reply: null, end: from };
  const end = from + length + 2;
  return bytes.length < end ? undefined : { reply: bytes.toString("utf8", from, from + length), end };
};

const parseArray = (bytes: Buffer, length: number, from: number): Parsed | undefined => {
  const items: Reply[] = [];
  let end = from;
  for (let n = 0; n < length; n += 1) {
    const item = parse(bytes, end);
    if (item === undefined) return undefined;
    if (item.reply instanceof ErrorReply) return item;
    items.push(item.reply);
    ({ end } = item);
  }
  return { reply: length < 0 ? null : items, end };
};

const encode = (command: readonly string[]): string =>
  `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;

/** Sends the commands together and resolves with their replies in order; rejects with the first that is an error. */
export const talk = (
  { port, password, tls }: Door,
  commands: readonly (readonly string[])[],
  withinMs = answersWithinMs,
): Promise<Reply[]> =>
  new Promise((resolve, reject) => {
    const all = password === "" ? commands : [["AUTH", password], ...commands];
    const where = { port, host: "127.0.0.1" };
    const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    const finish = (error: Error | undefined, replies: Reply[] = []): void => {
      socket.destroy();
      if (error === undefined) resolve(replies.slice(all.length - commands.length));
      else reject(error);
    };
    let bytes = Buffer.alloc(0);
    socket.setTimeout(withinMs, () => finish(new Error(`port ${port} does not answer`)));
    // Of a socket that is given up already too.
    socket.on("error", finish);
    socket.once("close", () => finish(new Error(`port ${port} closed the connection`)));
    socket.once(tls ? "secureConnect" : "connect", () => socket.write(all.map(encode).join("")));
    socket.on("data", (part: Buffer) => {
      bytes = Buffer.concat([bytes, part]);
      const whole = parseArray(bytes, all.length, 0);
      if (whole === undefined) return;
      if (whole.reply instanceof ErrorReply) finish(whole.reply);
      else finish(undefined, Array.isArray(whole.reply) ? whole.reply : []);
    });
  });

export const ask = async (door: Door, ...command: string[]): Promise<Reply> => (await talk(door, [command]))[0] ?? null;

/** The lines `name:value` of an answer such as that to INFO. */
export const fieldsOf = (reply: Reply | undefined): Map<string, string> => {
  const lines = (typeof reply === "string" ? reply : "").split("\r\n");
  return new Map(lines.map((line) => [line.split(":", 1)[0] ?? "", line.slice(line.indexOf(":") + 1)]));
};
