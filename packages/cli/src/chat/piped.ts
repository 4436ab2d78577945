// `chat` where standard input or output is no terminal: lines in are sent, lines out are plain, and it ends with its input once
// everything is acknowledged. Reads no faster than the edge takes.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Chat } from "./chat.ts";

/** As many lines may wait to be sent; the rest waits in the pipe. */
const MOST_AHEAD = 100;
const LOOK_AGAIN_MS = 20;

/** Resolves once no more lines come, or `until` says so. */
export async function readPiped(input: Readable, chat: Chat, until: AbortSignal): Promise<void> {
  const lines = createInterface({ input, crlfDelay: Infinity });
  let timer: NodeJS.Timeout | undefined;
  const holdUp = (): void => {
    lines.pause();
    timer ??= setInterval(() => {
      if (chat.backlog() >= MOST_AHEAD) return;
      clearInterval(timer);
      timer = undefined;
      lines.resume();
    }, LOOK_AGAIN_MS);
  };
  lines.on("line", (line) => {
    chat.line(line);
    if (chat.backlog() >= MOST_AHEAD) holdUp();
  });
  await new Promise<void>((resolve) => {
    lines.once("close", resolve);
    until.addEventListener("abort", () => lines.close(), { once: true });
  });
  clearInterval(timer);
  if (!until.aborted) chat.finish();
}
