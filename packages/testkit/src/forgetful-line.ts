// Owns a TCP line to Redis that can leave out one announcement and carry everything else: the loss that no reset of a
// connection would show. Called by tests of healing and by the lab. States: faithful, about to forget (the next announcement with a given
// text is left out). Knows of RESP only what an announcement looks like. Must never leave out half of one.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

export interface ForgetfulLine {
  /** Of Redis through this line. */
  readonly url: string;
  /** Leaves out the next announcement that holds this text; resolves when that has happened. */
  forget(text: string): Promise<void>;
  close(): Promise<void>;
}

/** `>3 smessage <topic> <payload>`, each part with its length before it. (RESP3, "Pushes" and "Bulk strings") */
const OPENING = Buffer.from(">3\r\n$8\r\nsmessage\r\n");

/** Where the bulk string that begins at `from` ends. */
const endOfBulk = (bytes: Buffer, from: number): number => {
  const lengthEnd = bytes.indexOf("\r\n", from);
  return lengthEnd + 2 + Number(bytes.toString("latin1", from + 1, lengthEnd)) + 2;
};

/** The chunk without the announcement that holds `text`; undefined when there is none that lies in it as a whole. */
const without = (bytes: Buffer, text: string): Buffer | undefined => {
  const from = bytes.lastIndexOf(OPENING, bytes.indexOf(text));
  if (!bytes.includes(text) || from < 0) return undefined;
  const end = endOfBulk(bytes, endOfBulk(bytes, from + OPENING.length));
  return end <= bytes.length ? Buffer.concat([bytes.subarray(0, from), bytes.subarray(end)]) : undefined;
};

/** Starts a line to the Redis of `target` on a free loopback port. */
export async function startForgetfulLine(target: string): Promise<ForgetfulLine> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let forgetting: { text: string; done: () => void } | undefined;
  const listener = createServer((client) => {
    const server = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.setNoDelay(true);
    client.pipe(server);
    server.on("data", (chunk: Buffer) => {
      const rest = forgetting === undefined ? undefined : without(chunk, forgetting.text);
      client.write(rest ?? chunk);
      if (rest === undefined) return;
      forgetting?.done();
      forgetting = undefined;
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const own = new URL(target);
  own.host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return {
    url: own.href,
    forget: (text) =>
      new Promise((resolve) => {
        forgetting = { text, done: resolve };
      }),
    close: async () => {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
