// A thousand readers in one process at the least possible cost: plain TCP sockets that shake hands, send a few text frames,
// then count those that arrive and answer pings. Frames are only walked (RFC 6455, section 5.2) and told apart by one byte,
// never parsed, but for a sample.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";

const TEXT = 1;
const PING = 9;
/** `{"type":"message"`, and no other frame of a server, has an m there. */
const TYPE_AT = 9;
const OF_MESSAGE = "m".charCodeAt(0);
/** Masked with zeroes, and empty, as the pings of an edge are. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export interface RawSocket {
  /** Text frames that arrived in full. */
  frames: number;
  /** Those of them that are a `message`. */
  messages: number;
  /** The last text frame. */
  last: string;
  sendText(text: string): void;
  /** Reads nothing any more. */
  stop(): void;
  close(): void;
}

/** `each` is shown every text frame, as a view that is good for the call. */
export function openRawSocket(
  port: number,
  headers: Record<string, string>,
  each?: (payload: Buffer) => void,
): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    let pending: Buffer = Buffer.alloc(0);
    const raw: RawSocket = {
      frames: 0,
      messages: 0,
      last: "",
      sendText: (text) => sendText(socket, text),
      stop: () => void socket.pause(),
      close: () => socket.destroy(),
    };
    socket.once("error", reject);
    socket.once("connect", () => socket.write(handshake(headers)));
    const onHandshake = (chunk: Buffer): void => {
      pending = Buffer.concat([pending, chunk]);
      const end = pending.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!pending.toString("latin1").startsWith("HTTP/1.1 101")) {
        reject(new Error(pending.toString("latin1").split("\r\n")[0]));
        return;
      }
      socket.off("data", onHandshake);
      const walk = createWalker(raw, () => void socket.write(PONG), each);
      socket.on("data", walk);
      walk(pending.subarray(end + 4));
      resolve(raw);
    };
    socket.on("data", onHandshake);
  });
}

function handshake(headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const key = randomBytes(16).toString("base64");
  return `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${lines.join("")}\r\n`;
}

/** Counts whole text frames; a header or a frame that is cut by the end of a chunk goes on in the next. */
function createWalker(
  raw: RawSocket,
  answerPing: () => void,
  each?: (payload: Buffer) => void,
): (chunk: Buffer) => void {
  let rest: Buffer | undefined;
  return (chunk) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (at + 2 <= bytes.length) {
      const marker = (bytes[at + 1] ?? 0) & 0x7f;
      const headerBytes = marker === 126 ? 4 : marker === 127 ? 10 : 2;
      if (at + headerBytes > bytes.length) break;
      const length = marker === 126 ? bytes.readUInt16BE(at + 2) : marker === 127 ? bytes.readUInt32BE(at + 6) : marker;
      const end = at + headerBytes + length;
      if (end > bytes.length) break;
      const opcode = (bytes[at] ?? 0) & 0x0f;
      if (opcode === PING) answerPing();
      if (opcode === TEXT) {
        raw.frames += 1;
        if (bytes[at + headerBytes + TYPE_AT] === OF_MESSAGE) raw.messages += 1;
        each?.(bytes.subarray(at + headerBytes, end));
        if (end === bytes.length) raw.last = bytes.toString("utf8", at + headerBytes, end);
      }
      at = end;
    }
    rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  };
}

/** A masked text frame, as a client must send it. The mask is zero: nobody is between us and the server. */
function sendText(socket: Socket, text: string): void {
  const payload = Buffer.from(text);
  const header =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  socket.write(Buffer.concat([header, Buffer.alloc(4), payload]));
}
