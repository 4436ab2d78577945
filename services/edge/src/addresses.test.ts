import { describe, expect, it } from "vitest";
import { createAddresses, createClientAddress } from "./addresses.ts";

describe("sockets of one address", () => {
  it("are capped, and a place is free again when one closes", () => {
    const addresses = createAddresses(2, false);
    addresses.opened("10.0.0.1");
    addresses.opened("10.0.0.1");
    expect([addresses.mayOpen("10.0.0.1"), addresses.mayOpen("10.0.0.2")]).toEqual([false, true]);
    addresses.closed("10.0.0.1");
    expect(addresses.mayOpen("10.0.0.1")).toBe(true);
    addresses.closed("10.0.0.1");
    expect(addresses.size()).toBe(0);
  });

  it("count an IPv6 client's whole /64 as one", () => {
    const addresses = createAddresses(1, false);
    addresses.opened("2001:0db8:0000:0001:0000:0000:0000:0001");
    expect(addresses.mayOpen("2001:db8:0:1:ffff::9")).toBe(false);
    expect(addresses.mayOpen("2001:db8:0:2::1")).toBe(true);
  });

  it("count an IPv4 client of a dual-stack socket as what it is", () => {
    const addresses = createAddresses(1, false);
    addresses.opened("0000:0000:0000:0000:0000:ffff:0a00:0001");
    expect([addresses.mayOpen("10.0.0.1"), addresses.mayOpen("10.0.0.2")]).toEqual([false, true]);
  });

  it("are free on loopback where that is exempt, in every way of writing it", () => {
    const addresses = createAddresses(0, true);
    const loopback = ["127.0.0.1", "::1", "0000:0000:0000:0000:0000:0000:0000:0001", "::ffff:127.0.0.1"];
    expect(loopback.map((address) => addresses.mayOpen(address))).toEqual([true, true, true, true]);
    expect(addresses.mayOpen("10.0.0.1")).toBe(false);
    expect(createAddresses(0, false).mayOpen("127.0.0.1")).toBe(false);
  });
});

describe("the address of a client", () => {
  const clientAddress = createClientAddress(["10.0.0.0/8", "fd00::1"]);

  it("is that of its peer, whatever it writes into the header, unless the peer is a trusted proxy", () => {
    expect(clientAddress("192.0.2.1", "203.0.113.9")).toBe("192.0.2.1");
    expect(clientAddress("10.0.0.1", "203.0.113.9")).toBe("203.0.113.9");
    expect(clientAddress("fd00::1", "203.0.113.9")).toBe("203.0.113.9");
  });

  it("is the last one before the trusted proxies, not what stood in the header before it reached them", () => {
    expect(clientAddress("10.0.0.1", "198.51.100.7, 203.0.113.9, 10.0.0.2")).toBe("203.0.113.9");
  });

  it("is the proxy's where the header names nobody", () => {
    expect(clientAddress("10.0.0.1", "")).toBe("10.0.0.1");
    expect(clientAddress("10.0.0.1", "unknown")).toBe("10.0.0.1");
  });
});
