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
  readonly userAgent: string;
  /** The lines of `X-Forwarded-For`, in their order. */
  readonly forwardedFor: readonly string[];
}

/** The part of the layer's request that is read here; it gives every header line, names in lower case. */
export interface HeaderSource {
  getQuery(): string;
  forEach(each: (name: string, value: string) => void): void;
}

type HeaderField = Exclude<keyof UpgradeRequest, "query" | "forwardedFor">;

const FIELD_OF: ReadonlyMap<string, HeaderField> = new Map([
  ["upgrade", "upgrade"],
  ["connection", "connection"],
  ["sec-websocket-version", "version"],
  ["sec-websocket-key", "key"],
  ["sec-websocket-extensions", "extensions"],
  ["sec-websocket-protocol", "protocols"],
  ["authorization", "authorization"],
  ["cookie", "cookie"],
  ["origin", "origin"],
  ["user-agent", "userAgent"],
]);

export function readUpgradeRequest(source: HeaderSource): UpgradeRequest {
  const found: Partial<Record<HeaderField, string>> = {};
  const forwardedFor: string[] = [];
  source.forEach((name, value) => {
    const field = FIELD_OF.get(name);
    if (field === undefined) {
      if (name === "x-forwarded-for") forwardedFor.push(value);
      return;
    }
    const before = found[field];
    found[field] = before === undefined ? value : `${before}${field === "cookie" ? "; " : ", "}${value}`;
  });
  return {
    upgrade: found.upgrade ?? "",
    connection: found.connection ?? "",
    version: found.version ?? "",
    key: found.key ?? "",
    extensions: found.extensions ?? "",
    protocols: found.protocols ?? "",
    authorization: found.authorization ?? "",
    query: source.getQuery(),
    cookie: found.cookie ?? "",
    origin: found.origin ?? "",
    userAgent: found.userAgent ?? "",
    forwardedFor,
  };
}

export const WEBSOCKET_VERSION = "13";
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** What keeps a request from being a handshake of ours; undefined when nothing does. */
export function handshakeFault({ upgrade, connection, version, key }: UpgradeRequest): UpgradeRefusal | undefined {
  const asks = names(upgrade, "websocket") && names(connection, "upgrade");
  if (!asks || version !== WEBSOCKET_VERSION) return "not_websocket";
  return KEY.test(key) ? undefined : "bad_key";
}

/** Whether a list has this word among its items; nearly always it is the only one. */
function names(header: string, word: string): boolean {
  const list = header.toLowerCase();
  return list === word || list.split(",").some((item) => item.trim() === word);
}
