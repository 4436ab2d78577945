// Owns the choice of a loopback port and the retry when somebody else takes it first. Called by the two starters.
// Must never hand out a port it did not see free a moment ago.
import { createServer } from "node:net";

/** Thrown by a start attempt whose port was taken between looking and binding. */
export class PortTaken extends Error {}

/** Between looking at a port and binding it others may come first; more than a few losses in a row are another fault. */
const attempts = 8;

/** A port of 127.0.0.1 that is free now. `below` keeps room for servers that also bind port + 10000 (Redis Cluster). */
export const freePort = async (below = 65_536): Promise<number> => {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
      });
    });
    if (port > 0 && port < below) return port;
  }
};

/** Runs `start` on the wanted port, or on free ones until none was snatched away. */
export const onPort = async <T>(
  wanted: number | undefined,
  start: (port: number) => Promise<T>,
  below?: number,
): Promise<T> => {
  if (wanted !== undefined && wanted !== 0) return start(wanted);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort(below));
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === attempts) throw error;
    }
  }
};
