// Owns a TCP line to Postgres that counts the statements sent through it. Called by tests of what a command costs.
// Knows of the protocol only where a message ends and which one executes. Must never change a byte.
import { connect, createServer } from "node:net";
import { once } from "node:events";

export interface StatementCounter {
  /** Of Postgres through this line. */
  readonly url: string;
  /** Statements so far. */
  count(): number;
  close(): void;
}

const EXECUTE = "E".charCodeAt(0);
const SIMPLE_QUERY = "Q".charCodeAt(0);

/** One direction of one connection: a start-up message without a type, then messages of type, length and content. */
const createScanner = (executed: (text: string) => void): ((chunk: Buffer) => void) => {
  let rest = Buffer.alloc(0);
  let isStarted = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = isStarted ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return;
      if (isStarted && (rest[0] === EXECUTE || rest[0] === SIMPLE_QUERY))
        executed(rest.toString("utf8", head + 4, end));
      isStarted = true;
      rest = rest.subarray(end);
    }
  };
};

/**
 * Starts a line to the Postgres of `target` on a free loopback port. Statements that are sent whole, and not prepared, and
 * match `besides` do not count.
 */
export async function startStatementCounter(target: string, besides?: RegExp): Promise<StatementCounter> {
  const url = new URL(target);
  const to = { host: url.hostname, port: Number(url.port) };
  const ends = new Set<() => void>();
  let statements = 0;
  const listener = createServer((client) => {
    const server = connect(to);
    const scan = createScanner((text) => {
      if (besides?.test(text) !== true) statements += 1;
    });
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    ends.add(end);
    client.on("data", scan);
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
    count: () => statements,
    close() {
      listener.close();
      for (const end of ends) end();
    },
  };
}
