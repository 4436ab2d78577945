// Owns one TCP connection of a test that writes bytes itself, below any WebSocket library: what hostile or odd software
// sent is replayed through it just as it came. Called by tests of the public ports. It must never answer, mask or mend
// anything by itself.
import { connect as connectTcp } from "node:net";

export interface RawPeer {
  write: (bytes: string | Uint8Array) => void;
  /** Everything received so far. */
  received: () => Buffer;
  /** What the HTTP server said so far, as text. */
  text: () => string;
  /** The WebSocket frames behind the answer to the upgrade. */
  frames: () => RawFrame[];
  /** While paused nothing is read, so that the server's buffers fill. */
  pause: () => void;
  resume: () => void;
  /** Resolves once the connection is over, however it ended. */
  closed: Promise<void>;
  isClosed: () => boolean;
  destroy: () => void;
}

export interface RawFrame {
  opcode: number;
  payload: Buffer;
}

export interface RawPeerOptions {
  /** The address of this machine from which to connect. */
  from?: string;
}

/** RFC 6455 section 5.2. */
export const TEXT = 1;
export const CLOSE = 8;
export const PONG = 10;

/** A ping of no bytes with an empty mask: the shortest frame that is answered. */
export const PING_BYTES = Buffer.from("898000000000", "hex");

export const rawPeer = async (port: number, { from }: RawPeerOptions = {}): Promise<RawPeer> => {
  const socket = connectTcp({ host: "127.0.0.1", port, ...(from === undefined ? {} : { localAddress: from }) });
  const chunks: Buffer[] = [];
  let isClosed = false;
  // A reset is one way to be closed.
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      isClosed = true;
      resolve();
    });
  });
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.once("close", () => resolve());
  });
  const received = (): Buffer => Buffer.concat(chunks);
  return {
    write: (bytes) => void socket.write(bytes),
    received,
    text: () => received().toString("latin1"),
    frames: () => framesBehindHead(received()),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    closed,
    isClosed: () => isClosed,
    destroy: () => void socket.destroy(),
  };
};

/** An upgrade request, line by line; a header set to undefined is left out, one with several values gets several lines. */
export const upgradeText = (headers: Record<string, string | string[] | undefined> = {}, path = "/ws"): string => {
  const all = {
    Host: "edge.test",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    [value ?? []].flat().map((each) => `${name}: ${each}\r\n`),
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
};

/** A frame of a client, masked with zeros. */
export const clientFrame = (opcode: number, payload: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(payload);
  if (bytes.length > 125) throw new Error("a test frame has at most 125 bytes");
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
};

/** Code and reason of the last close frame, as a client library tells them: 1006 when there was none. */
export const closeOf = (frames: readonly RawFrame[]): { code: number; reason: string } => {
  const payload = frames.findLast(({ opcode }) => opcode === CLOSE)?.payload;
  if (payload === undefined) return { code: 1006, reason: "" };
  return payload.length < 2
    ? { code: 1005, reason: "" }
    : { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString("utf8") };
};

const framesBehindHead = (all: Buffer): RawFrame[] => {
  const headEnd = all.indexOf("\r\n\r\n");
  const frames: RawFrame[] = [];
  let at = headEnd + 4;
  while (headEnd >= 0 && all.length >= at + 2) {
    const short = (all[at + 1] ?? 0) & 0x7f;
    const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (all.length < at + headBytes) break;
    const lengths = {
      4: () => all.readUInt16BE(at + 2),
      10: () => Number(all.readBigUInt64BE(at + 2)),
      2: () => short,
    };
    const start = at + headBytes;
    const end = start + lengths[headBytes]();
    if (all.length < end) break;
    frames.push({ opcode: (all[at] ?? 0) & 0x0f, payload: all.subarray(start, end) });
    at = end;
  }
  return frames;
};
