// Who a request is from. Edge and api ask the same function, so that one client is one address to both. It believes
// `X-Forwarded-For` only as far as trusted proxies wrote it, from the right, and never what stood there before.
// Pure; an address comes out in one form, however it was written.
import { BlockList, isIP, isIPv6 } from "node:net";

/** `forwardedFor`: the lines of the header in their order; several proxies, or one, may have added lines of their own. */
export type ClientAddress = (peer: string, forwardedFor: readonly string[]) => string;

/** `trusted`: addresses and networks in CIDR notation. */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const proxies = new BlockList();
  for (const each of trusted) {
    const [address = "", prefix] = each.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    proxies.addSubnet(address, Number(prefix ?? (family === "ipv6" ? 128 : 32)), family);
  }
  const isTrusted = (address: string): boolean =>
    isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return (peer, forwardedFor) => {
    let client = plainAddress(peer);
    if (!isTrusted(client)) return client;
    const hops = forwardedFor.join(",").split(",");
    for (let hop = hops.pop(); hop !== undefined && isTrusted(client); hop = hops.pop()) {
      const before = readHop(hop.trim());
      // What a trusted proxy could not have written ends the walk: nothing before it can be believed.
      if (before === undefined) break;
      client = before;
    }
    return client;
  };
}

/** An address as it is counted: IPv4 as it is, IPv6 by its /64, which one client owns whole. */
export function addressGroup(address: string): string {
  const plain = plainAddress(address);
  return isIPv6(plain) ? plain.split(":", 4).join(":") : plain;
}

/** Whether an address is of this machine, in every way of writing it. */
export function isLoopbackAddress(address: string): boolean {
  return /^127\.|^(0:){7}1$/.test(plainAddress(address));
}

/** `address`, `address:port`, `[v6]`, `[v6]:port`; undefined for anything else. */
function readHop(text: string): string | undefined {
  const [, inBrackets, withPort] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(text) ?? [];
  const address = inBrackets ?? withPort ?? text;
  const isFit = inBrackets === undefined ? isIP(address) !== 0 : isIPv6(address);
  return isFit && !address.includes("%") ? plainAddress(address) : undefined;
}

/** IPv6 with all its eight groups, since everybody leaves out others; an IPv4 client of a dual-stack socket as what it is. */
function plainAddress(address: string): string {
  if (!isIPv6(address) || address.includes("%")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const [first, last] = [groupsOf(head), groupsOf(tail ?? "")];
  const groups = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped
    ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".")
    : groups.map((group) => group.toString(16)).join(":");
}

/** The last two groups may be written as IPv4. */
function groupsOf(part: string): number[] {
  return part.split(":").flatMap((group) => {
    if (group === "") return [];
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
