// Owns the file in which all is kept that a server says, over its deaths and returns. Called by whoever starts servers and has a
// folder for their logs, once after each start. Must never end anything: a file that cannot be written is done without.
import { createWriteStream } from "node:fs";
import type { RunningServer } from "./start-redis.ts";

/** Goes on behind what the file holds, with what the server has said so far. */
export function keepLog(server: RunningServer, path: string): void {
  const log = createWriteStream(path, { flags: "a" });
  log.on("error", () => undefined);
  log.write(
    server
      .tail()
      .map((line) => `${line}\n`)
      .join(""),
  );
  server.child.stdout?.pipe(log, { end: false });
  server.child.stderr?.pipe(log, { end: false });
  void server.exited.then(() => log.end());
}
