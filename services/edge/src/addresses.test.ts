import { describe, expect, it } from "vitest";
import { createAddresses } from "./addresses.ts";

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
