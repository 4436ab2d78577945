// What one of a crowd says, made beforehand as bytes: its upgrade request and its join. Used by benches of coming in.

import type { Position } from "@rookery/protocol";

const HANDSHAKE = [
  "GET /ws HTTP/1.1",
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

export function requestOf(headers: readonly string[]): string {
  return [...HANDSHAKE, ...headers, "", ""].join("\r\n");
}

/** Masked, as a client must; the mask is zero: nobody is between us and the server. */
export function joinFrame(channel: string, after?: Position): string {
  const text = JSON.stringify({ type: "join", ref: "1", channel, after });
  if (text.length > 125) throw new Error("a longer frame has a longer header");
  return `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`;
}
