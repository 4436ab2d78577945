// What a child of `dev` says while it starts, told as it says it: warnings and worse out of its log, in one line each, by
// its name. Used by service-process.ts. It only reads; the child writes its file by itself.
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { pause } from "@rookery/runtime";
import { visibleLine } from "../chat/visible-text.ts";

const LOOK_EVERY_MS = 100;
/** Read in one look; what a child writes faster than that waits for the next. */
const READ_BYTES = 64 * 1024;
/** One that lives may go on writing for ever. */
const MOST_LAST_LOOKS = 64;
/** Different things to say in one start. More of them are better read in the log. */
const MOST_WORDS = 20;
const LONGEST_WORD = 400;
const TOLD_LEVELS: ReadonlySet<unknown> = new Set(["warn", "error", "fatal"]);
/** Fields of a log line that tell why, the first of them that is there. */
const REASONS = ["reason", "detail"] as const;

/** One line of a log in words, if it is a warning or worse: `this persister waits for Redis: it does not answer`. */
export function wordsOf(line: string): string | undefined {
  const entry = parsed(line);
  if (entry === undefined || !TOLD_LEVELS.has(entry["level"]) || typeof entry["msg"] !== "string") return undefined;
  const why = [errorText(entry["err"]), ...REASONS.map((name) => entry[name])].find((each) => typeof each === "string");
  const text = why === undefined || entry["msg"].includes(why) ? entry["msg"] : `${entry["msg"]}: ${why}`;
  const shown = visibleLine(text);
  return shown.length <= LONGEST_WORD ? shown : `${shown.slice(0, LONGEST_WORD)}...`;
}

export interface Following {
  /** Reads what is left and ends. */
  end(): Promise<void>;
}

/** Calls `told` with each new warning from the end of the file on, the same words once. Makes the file if need be. */
export async function followWords(path: string, told: (words: string) => void): Promise<Following> {
  const file = await open(path, "a+");
  const words = new Set<string>();
  const heard = (line: string): void => {
    const text = wordsOf(line);
    if (text === undefined || words.has(text) || words.size >= MOST_WORDS) return;
    words.add(text);
    told(text);
  };
  const read = lineReader(file, (await file.stat()).size, heard);
  const over = new AbortController();
  const reading = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      await pause(LOOK_EVERY_MS, { signal: over.signal, ref: false });
      await read();
    }
  })();
  const end = async (): Promise<void> => {
    over.abort();
    await reading;
    for (let looks = 0; looks < MOST_LAST_LOOKS && (await read()) === READ_BYTES; looks += 1);
    await file.close();
  };
  return { end };
}

/** Each call reads on, hands over the lines that are whole, and resolves to the bytes it read. */
function lineReader(file: FileHandle, from: number, heard: (line: string) => void): () => Promise<number> {
  let offset = from;
  let rest = Buffer.alloc(0);
  return async () => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, offset);
    offset += bytesRead;
    const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    const end = bytes.lastIndexOf("\n");
    // A line longer than a look is nothing to show.
    rest = bytes.length - end > READ_BYTES ? Buffer.alloc(0) : bytes.subarray(end + 1);
    if (end >= 0) for (const line of bytes.toString("utf8", 0, end).split("\n")) heard(line);
    return bytesRead;
  };
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function errorText(error: unknown): unknown {
  return typeof error === "object" && error !== null && "message" in error ? error.message : undefined;
}
