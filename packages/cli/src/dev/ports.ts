// Chooses the public ports of a `dev` cluster: fixed ones next to each other for people, free ones for everybody else.
// Called once before the children start, since they need to know each other's addresses. It never holds a port.
import { createServer } from "node:net";
import { randomInt } from "node:crypto";
import { pause } from "@rookery/runtime";

/** Easy to remember and in nobody's list of well-known ports. */
export const FIRST_PORT = 7700;

/**
 * Where free ports are looked for: below the range from which systems take ports of outgoing connections, so that a child
 * that is brought back finds its own port free.
 */
const FREE_FROM = 20_000;
const FREE_BELOW = 32_000;
const POLL_MS = 100;

export interface PublicPorts {
  readonly edges: readonly number[];
  readonly api: number;
}

/** `first` 0: free ports. Otherwise the edges' from `first` on, then the api's; throws when one of them is taken. */
export async function choosePorts(first: number, edges: number, patienceMs: number): Promise<PublicPorts> {
  const ports = first === 0 ? await freePorts(edges + 1) : Array.from({ length: edges + 1 }, (_, n) => first + n);
  if (first !== 0) await untilFree(ports, edges, patienceMs);
  return { edges: ports.slice(0, edges), api: ports[edges] ?? 0 };
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(FREE_FROM, FREE_BELOW);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

/** Waits for at most `patienceMs`: the children of a `dev` that was killed need a moment to notice. */
async function untilFree(ports: readonly number[], edges: number, patienceMs: number): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  for (const [n, port] of ports.entries()) {
    while (!(await isFree(port))) {
      if (performance.now() > deadlineMs) throw new Error(takenText(port, n < edges ? `edge-${n + 1}` : "the api"));
      await pause(POLL_MS);
    }
  }
}

function takenText(port: number, owner: string): string {
  return `port ${port}, meant for ${owner}, is taken: choose others with --port N, or let free ones be found with --port 0`;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
