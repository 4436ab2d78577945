import { expect, it } from "vitest";
import { tlsHint } from "./tls-hint.ts";

it.each([
  ["ws://edge.test:8443/ws", "socket hang up", "if this port speaks TLS, say wss://"],
  ["http://edge.test:8443", "fetch failed: other side closed", "if this port speaks TLS, say https://"],
  [
    "wss://edge.test:7700/ws",
    "SSL routines:ssl3_get_record:wrong version number",
    "this port speaks no TLS: say ws://",
  ],
  ["https://edge.test:7702", "fetch failed: wrong version number", "this port speaks no TLS: say http://"],
  ["ws://edge.test:7700/ws", "connect ECONNREFUSED 127.0.0.1:7700", undefined],
  ["wss://edge.test:8443/ws", "socket hang up", undefined],
])("of %s and %s it says: %s", (url, why, hint) => {
  expect(tlsHint(url, why)).toBe(hint);
});
