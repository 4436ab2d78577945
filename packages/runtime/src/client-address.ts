// Who a request is from. Edge and api ask the same function, so that one client is one address to both. It believes
// `X-Forwarded-For` only as far as trusted proxies wrote it, from the right, and never what stood there before.
// Pure; an address comes out in one form, however it was written.
import { isIP, isIPv6 } from "node:net";
import { createNetworkTest, parseNetwork } from "./network.ts";
import { plainAddress } from "./plain-address.ts";

/** `forwardedFor`: the lines of the header in their order; several proxies, or one, may have added lines of their own. */
export type ClientAddress = (peer: string, forwardedFor: readonly string[]) => string;

/** `trusted`: addresses and networks as `parseNetwork` reads them, which is how the settings judge them. */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = createNetworkTest(trusted.map(parseNetwork));
  return (peer, forwardedFor) => {
    // The zone of a link-local address names an interface of this machine, and one layer tells it where another does not.
    let client = plainAddress(peer.replace(/%.*$/, ""));
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
  return plain.includes(":") && isIPv6(plain) ? plain.split(":", 4).join(":") : plain;
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
