// A connection as `sess` holds it: node|since|address|client|name. Written by sessions.lua as it is given, read by whoever asks
// for a user's connections. Pure.
import type { KnownSession, SessionRecord } from "./presence.ts";

const RECORD = /^([^|]*)\|(\d*)\|([^|]*)\|([^|]*)\|(.*)$/s;

/** Only a name may hold a `|`; of the others that is told by another sign. */
export function packSession(node: string, { since, address, client, name }: SessionRecord): string {
  return `${node}|${since}|${plain(address)}|${plain(client)}|${name}`;
}

/** Undefined for what is no such record. */
export function readSession(session: string, held: string): KnownSession | undefined {
  const found = RECORD.exec(held);
  if (found === null) return undefined;
  const [, node = "", since = "", address = "", client = "", name = ""] = found;
  return { session, node, since: Number(since), address, client, name };
}

function plain(text: string): string {
  return text.replaceAll("|", "/");
}
