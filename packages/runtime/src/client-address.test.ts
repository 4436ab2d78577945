import { describe, expect, it } from "vitest";
import { addressGroup, createClientAddress, isLoopbackAddress } from "./client-address.ts";

const clientAddress = createClientAddress(["10.0.0.0/8", "fd00::1"]);

describe("the address of a client", () => {
  it("is that of its peer, whatever it writes into the header, unless the peer is a trusted proxy", () => {
    expect(clientAddress("192.0.2.1", ["203.0.113.9"])).toBe("192.0.2.1");
    expect(clientAddress("10.0.0.1", ["203.0.113.9"])).toBe("203.0.113.9");
    expect(clientAddress("fd00::1", ["203.0.113.9"])).toBe("203.0.113.9");
    expect(clientAddress("::ffff:10.0.0.1", ["203.0.113.9"])).toBe("203.0.113.9");
  });

  it("is the last one before the trusted proxies, not what stood in the header before it reached them", () => {
    expect(clientAddress("10.0.0.1", ["198.51.100.7, 203.0.113.9, 10.0.0.2"])).toBe("203.0.113.9");
  });

  it("is found across all lines of the header, of which the last was written last", () => {
    expect(clientAddress("10.0.0.1", ["198.51.100.7", "203.0.113.9"])).toBe("203.0.113.9");
    expect(clientAddress("10.0.0.1", ["198.51.100.7, 203.0.113.9", "10.0.0.3", "10.0.0.2"])).toBe("203.0.113.9");
  });

  it.each([
    ["203.0.113.9:4711", "203.0.113.9"],
    ["2001:db8::9", "2001:db8:0:0:0:0:0:9"],
    ["2001:0DB8:0000:0000:0000:0000:0000:0009", "2001:db8:0:0:0:0:0:9"],
    ["[2001:db8::9]", "2001:db8:0:0:0:0:0:9"],
    ["[2001:db8::9]:4711", "2001:db8:0:0:0:0:0:9"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["64:ff9b::192.0.2.33", "64:ff9b:0:0:0:0:c000:221"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["[::ffff:203.0.113.9]:4711", "203.0.113.9"],
  ])("may be written %s", (hop, address) => {
    expect(clientAddress("10.0.0.1", [`198.51.100.7, ${hop}`])).toBe(address);
    expect(clientAddress("10.0.0.1", [hop, "10.0.0.2:80"])).toBe(address);
  });

  it.each([
    ...[
      "",
      "unknown",
      "_hidden",
      "203.0.113.9:",
      "203.0.113.9:99999999",
      "[203.0.113.9]",
      "[2001:db8::9",
      "fe80::1%eth0",
    ],
    ...["203.0.113", "203.0.113.9 198.51.100.7", '"203.0.113.9"', "for=203.0.113.9"],
  ])("is the proxy's that handed on %j, and nothing before it is believed", (rubbish) => {
    expect(clientAddress("10.0.0.1", [`198.51.100.7, ${rubbish}`])).toBe("10.0.0.1");
    expect(clientAddress("10.0.0.1", [`198.51.100.7, ${rubbish}`, "10.0.0.2"])).toBe("10.0.0.2");
  });

  it("is the furthest proxy's where the header names nobody else", () => {
    expect(clientAddress("10.0.0.1", [])).toBe("10.0.0.1");
    expect(clientAddress("10.0.0.1", ["10.0.0.3, 10.0.0.2"])).toBe("10.0.0.3");
  });

  it("is everybody's own where no proxy is trusted", () => {
    expect(createClientAddress([])("10.0.0.1", ["203.0.113.9"])).toBe("10.0.0.1");
  });
});

it("a trusted proxy on a link is believed whatever interface its address names", () => {
  expect(createClientAddress(["fe80::/10"])("fe80::1%eth0", ["9.9.9.9"])).toBe("9.9.9.9");
});

describe("an address that is counted", () => {
  it("is an IPv6 client's whole /64", () => {
    expect(addressGroup("2001:0db8:0000:0001:0000:0000:0000:0001")).toBe(addressGroup("2001:db8:0:1:ffff::9"));
    expect(addressGroup("2001:db8:0:2::1")).not.toBe(addressGroup("2001:db8:0:1::1"));
  });

  it("is an IPv4 client's own, also on a dual-stack socket", () => {
    expect(addressGroup("0000:0000:0000:0000:0000:ffff:0a00:0001")).toBe("10.0.0.1");
    expect(addressGroup("10.0.0.2")).toBe("10.0.0.2");
  });

  it("is of this machine in every way of writing it", () => {
    const loopback = ["127.0.0.1", "127.9.9.9", "::1", "0000:0000:0000:0000:0000:0000:0000:0001", "::ffff:127.0.0.1"];
    expect(loopback.filter((address) => !isLoopbackAddress(address))).toEqual([]);
    expect(["10.0.0.1", "::2", "128.0.0.1", "1.127.0.0"].filter(isLoopbackAddress)).toEqual([]);
  });
});
