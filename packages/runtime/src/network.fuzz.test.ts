// Property: an address is of a network just as Node's own list of networks says, however both are written.
import { BlockList } from "node:net";
import { assert, boolean, constantFrom, integer, ipV4, ipV6, property, tuple } from "fast-check";
import { expect, inject, it } from "vitest";
import { createNetworkTest, parseNetwork } from "./network.ts";
import { plainAddress } from "./plain-address.ts";

const network = tuple(ipV4(), integer({ min: 1, max: 32 }), ipV6(), integer({ min: 1, max: 128 }), boolean());

it("an address is of a network as Node's own list says", () => {
  const near = constantFrom(...["10.0.0.1", "10.0.0.255", "::ffff:10.0.0.1", "fd00::1", "fd00::2", "::1", "127.0.0.1"]);
  assert(
    property(network, ipV4(), ipV6(), near, ([v4, v4Bits, v6, v6Bits, isNear], some, other, third) => {
      const text = isNear ? "10.0.0.0/25" : `${v4}/${v4Bits}`;
      const networks = [text, `${v6}/${Math.max(97, v6Bits)}`, "fd00::/127"].map(parseNetwork);
      const isOf = createNetworkTest(networks);
      const list = new BlockList();
      for (const { address, prefix, family } of networks) list.addSubnet(address, prefix, family);
      for (const each of [some, other, third, v4, v6]) {
        const plain = plainAddress(each);
        expect([plain, isOf(plain)]).toEqual([plain, list.check(plain, plain.includes(":") ? "ipv6" : "ipv4")]);
      }
    }),
    { numRuns: 100 * inject("fuzzTimes") },
  );
});

it("what is no address is of no network", () => {
  const isOf = createNetworkTest(["10.0.0.0/8", "fd00::/8"].map(parseNetwork));
  expect(["", "unknown", "10.0.0", "fd00::1%eth0", "10.0.0.1:80"].filter(isOf)).toEqual([]);
  expect(createNetworkTest([])("10.0.0.1")).toBe(false);
});
