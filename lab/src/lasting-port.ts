// Owns the choice of ports that stay free while their owner is dead: below the range from which systems take ports of
// outgoing connections, so that whoever is brought back finds its own. Called before a server is started for the first time.
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const FROM = 10_000;
const BELOW = 32_000;
const given = new Set<number>();

/** A loopback port that is free now, and that is given out once. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(FROM, BELOW);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
