// What an upgrade request says, as plain strings, and whether it is a WebSocket handshake at all (RFC 6455 section 4.2.1).
// The listener reads it, the door decides by it. A header that comes in several lines is one list, as HTTP says.

import type { UpgradeRefusal } from "./upgrade-refusals.ts";

export interface UpgradeRequest {
  readonly upgrade: string;
  readonly connection: string;
  readonly version: string;
  readonly key: string;
  readonly extensions: string;
  readonly protocols: string;
  readonly authorization: string;
  readonly query: string;
  readonly cookie: string;
  readonly origin: string;
  /** The lines of `X-Forwarded-For`, in their order. */
  readonly forwardedFor: readonly string[];
}

/** The part of the layer's request that is read here; it gives every header line, names in lower case. */
export interface HeaderSource {
  getQuery(): string;
  forEach(each: (name: string, value: string) => void): void;
}

export function readUpgradeRequest(source: HeaderSource): UpgradeRequest {
  const lines = new Map<string, string[]>();
  source.forEach((name, value) => {
    const known = lines.get(name);
    if (known === undefined) lines.set(name, [value]);
    else known.push(value);
  });
  const list = (name: string, separator = ", "): string => (lines.get(name) ?? []).join(separator);
  return {
    upgrade: list("upgrade"),
    connection: list("connection"),
    version: list("sec-websocket-version"),
    key: list("sec-websocket-key"),
    extensions: list("sec-websocket-extensions"),
    protocols: list("sec-websocket-protocol"),
    authorization: list("authorization"),
    query: source.getQuery(),
    cookie: list("cookie", "; "),
    origin: list("origin"),
    forwardedFor: lines.get("x-forwarded-for") ?? [],
  };
}

export const WEBSOCKET_VERSION = "13";
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** What keeps a request from being a handshake of ours; undefined when nothing does. */
export function handshakeFault({ upgrade, connection, version, key }: UpgradeRequest): UpgradeRefusal | undefined {
  const asks = items(upgrade).includes("websocket") && items(connection).includes("upgrade");
  if (!asks || version !== WEBSOCKET_VERSION) return "not_websocket";
  return KEY.test(key) ? undefined : "bad_key";
}

function items(header: string): string[] {
  return header
    .toLowerCase()
    .split(",")
    .map((item) => item.trim());
}
