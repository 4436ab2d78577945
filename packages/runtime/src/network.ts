// Reads an address or a network of addresses as an operator writes it, into the one form in which everybody compares:
// IPv4 as IPv4, also where it was written inside IPv6. Called by the settings and by whoever asks whether an address is of
// a network. Pure.
import { isIP, isIPv4 } from "node:net";
import { addressBits, plainAddress } from "./plain-address.ts";

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
  const plain = plainAddress(address);
  const isMapped = family === "ipv6" && isIPv4(plain);
  if (prefix <= (isMapped ? MAPPED_BITS : 0)) throw new Error(`${quoted(text)} is everybody, whose word is not taken`);
  if (!(prefix <= longest)) throw new Error(`${quoted(text)}: the part after / is a number from 1 to ${longest}`);
  if (isMapped) return { address: plain, prefix: prefix - MAPPED_BITS, family: "ipv4" };
  return { address: family === "ipv6" ? shortForm(address) : address, prefix, family };
}

/** Whether an address in its plain form is of one of these networks. Asked at each connection, so by numbers alone. */
export function createNetworkTest(networks: readonly Network[]): (plain: string) => boolean {
  const known = networks.map(({ address, prefix }) => ({ bits: addressBits(plainAddress(address)), prefix }));
  return (plain) => {
    if (known.length === 0 || isIP(plain) === 0 || plain.includes("%")) return false;
    const bits = addressBits(plain);
    return known.some((network) => network.bits.length === bits.length && agree(bits, network.bits, network.prefix));
  };
}

/** In so many of their leading bits; both are numbers of 16 bits. */
function agree(some: readonly number[], others: readonly number[], prefix: number): boolean {
  return some.every((bits, at) => {
    const compared = Math.min(16, Math.max(0, prefix - at * 16));
    return (bits ^ (others[at] ?? 0)) >> (16 - compared) === 0;
  });
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

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
