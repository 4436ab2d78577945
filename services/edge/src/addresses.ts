// How many sockets one client address holds on this edge. Pure; the door asks before it accepts and tells of each end.
// An IPv6 client owns its whole /64, so that is what counts as one address.

import { BlockList, isIP, isIPv6 } from "node:net";

export interface Addresses {
  /** Whether one more socket from this address may be opened. */
  mayOpen(address: string): boolean;
  opened(address: string): void;
  closed(address: string): void;
  /** Addresses that are remembered; back to 0 when everybody has gone. */
  size(): number;
}

const LOOPBACK = /^127\.|^::1$|^::ffff:127\./;

export function createAddresses(atMost: number, loopbackExempt: boolean): Addresses {
  const counts = new Map<string, number>();
  const isExempt = (address: string): boolean => loopbackExempt && LOOPBACK.test(shortest(address));
  return {
    mayOpen: (address) => isExempt(address) || (counts.get(network(address)) ?? 0) < atMost,
    opened(address) {
      if (isExempt(address)) return;
      const key = network(address);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    closed(address) {
      const key = network(address);
      const left = (counts.get(key) ?? 0) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    },
    size: () => counts.size,
  };
}

/** Who a connection is from: its peer, or, when that is a trusted proxy, the last address before it that is not one. */
export type ClientAddress = (peer: string, forwardedFor: string) => string;

/** `trusted`: addresses and networks in CIDR notation. Whatever a stranger writes into the header is not believed. */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const proxies = new BlockList();
  for (const each of trusted) {
    const [address = "", prefix] = each.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    proxies.addSubnet(address, Number(prefix ?? (family === "ipv6" ? 128 : 32)), family);
  }
  const isTrusted = (address: string): boolean => {
    const short = shortest(address);
    return isIP(short) !== 0 && proxies.check(short, isIPv6(short) ? "ipv6" : "ipv4");
  };
  return (peer, forwardedFor) => {
    const hops = forwardedFor.split(",").map((hop) => hop.trim());
    let client = peer;
    while (isTrusted(client)) {
      const before = hops.pop();
      if (before === undefined || isIP(before) === 0) break;
      client = before;
    }
    return client;
  };
}

/** The layer writes IPv6 in full (`0000:..:0001`), and an IPv4 client of a dual-stack socket as `0000:..:ffff:7f00:0001`. */
function shortest(address: string): string {
  if (!isIPv6(address)) return address;
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (mapped === null) return host;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}

function network(address: string): string {
  const short = shortest(address);
  if (!isIPv6(short)) return short;
  const [head = "", tail = ""] = short.split("::");
  const [first, last] = [head, tail].map((part) => part.split(":").filter((group) => group !== ""));
  const groups = [
    ...(first ?? []),
    ...Array.from({ length: 8 - (first?.length ?? 0) - (last?.length ?? 0) }, () => "0"),
    ...(last ?? []),
  ];
  return groups.slice(0, 4).join(":");
}
