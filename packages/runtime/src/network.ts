// Reads an address or a network of addresses as an operator writes it, into the one form in which everybody compares:
// IPv4 as IPv4, also where it was written inside IPv6. Called by the settings and by whoever asks whether an address is of
// a network. Pure.
import { isIP } from "node:net";

/** One network; a single address is one of full length. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

const FULL_LENGTH = { ipv4: 32, ipv6: 128 } as const;
/** Bits of `::ffff:0:0/96`, under which IPv6 holds the addresses of IPv4. */
const MAPPED_BITS = 96;

/** `10.0.0.0/8`, `10.1.2.3`, `fd00::/8`. Throws an Error of one line for anything else, and for a network of everybody. */
export function parseNetwork(text: string): Network {
  const [address = "", prefixText, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes("%")) {
    throw new Error(`${quoted(text)} is neither an IP address nor a network`);
  }
  const family = version === 6 ? "ipv6" : "ipv4";
  const longest = FULL_LENGTH[family];
  const prefix = prefixText === undefined ? longest : readPrefix(prefixText);
  if (prefix === 0) throw new Error(`${quoted(text)} is everybody, and everybody's word would be taken`);
  if (!(prefix <= longest)) throw new Error(`${quoted(text)}: the part after / is a number from 1 to ${longest}`);
  const mapped = family === "ipv6" && prefix > MAPPED_BITS ? mappedAddress(address) : undefined;
  if (mapped !== undefined) return { address: mapped, prefix: prefix - MAPPED_BITS, family: "ipv4" };
  return { address: family === "ipv6" ? shortForm(address) : address, prefix, family };
}

/** The text that `parseNetwork` reads as the same network, one for each network. */
export function formatNetwork({ address, prefix, family }: Network): string {
  return prefix === FULL_LENGTH[family] ? address : `${address}/${prefix}`;
}

function readPrefix(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
}

function shortForm(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

function mappedAddress(address: string): string | undefined {
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(shortForm(address));
  if (mapped === null) return undefined;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
