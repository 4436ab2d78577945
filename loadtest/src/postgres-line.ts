// A TCP line to Postgres that counts what is written into it: with nothing asked nothing is written. Put by a bench between
// an edge and its Postgres. Knows nothing of the protocol, and never changes a byte.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export interface PostgresLine {
  /** Of Postgres through this line. */
  readonly url: string;
  /** Writes so far: one a question, and fewer where several leave together. */
  writes(): number;
  close(): void;
}

export async function openPostgresLine(target: string): Promise<PostgresLine> {
  const url = new URL(target);
  const to = { host: url.hostname, port: Number(url.port) };
  const ends = new Set<() => void>();
  let writes = 0;
  const listener = createServer((client) => {
    const server = connect(to);
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    ends.add(end);
    client.on("data", () => (writes += 1));
    client.pipe(server);
    server.pipe(client);
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the line has no port");
  url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    writes: () => writes,
    close() {
      listener.close();
      for (const end of ends) end();
    },
  };
}
