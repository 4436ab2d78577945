import { describe, expect, it } from "vitest";
import { createAddresses, REFUSAL_BURST, REFUSALS_PER_SEC, REMEMBERED_ADDRESSES } from "./addresses.ts";

const none = { atMost: 0, loopbackExempt: false };

describe("sockets of one address", () => {
  it("are capped, and one more may come when one closes", () => {
    const addresses = createAddresses({ ...none, atMost: 2 });
    addresses.opened("10.0.0.1");
    addresses.opened("10.0.0.1");
    expect([addresses.mayOpen("10.0.0.1"), addresses.mayOpen("10.0.0.2")]).toEqual([false, true]);
    addresses.closed("10.0.0.1");
    expect(addresses.mayOpen("10.0.0.1")).toBe(true);
    addresses.closed("10.0.0.1");
    for (let n = 0; n < 2; n += 1) addresses.gone("10.0.0.1");
    expect(addresses.size()).toBe(0);
  });

  it("count on after their close while a peer may still hold them, up to as many as may be open", () => {
    const addresses = createAddresses({ ...none, atMost: 2 });
    for (let n = 0; n < 4; n += 1) {
      expect(addresses.mayOpen("10.0.0.1")).toBe(true);
      addresses.opened("10.0.0.1");
      addresses.closed("10.0.0.1");
    }
    expect([addresses.mayOpen("10.0.0.1"), addresses.mayOpen("10.0.0.2")]).toEqual([false, true]);
    addresses.gone("10.0.0.1");
    expect(addresses.mayOpen("10.0.0.1")).toBe(true);
  });

  it("count an IPv6 client's whole /64 as one", () => {
    const addresses = createAddresses({ ...none, atMost: 1 });
    addresses.opened("2001:0db8:0000:0001:0000:0000:0000:0001");
    expect(addresses.mayOpen("2001:db8:0:1:ffff::9")).toBe(false);
    expect(addresses.mayOpen("2001:db8:0:2::1")).toBe(true);
  });

  it("are free on loopback where that is exempt", () => {
    const addresses = createAddresses({ ...none, loopbackExempt: true });
    expect(["127.0.0.1", "::1", "::ffff:127.0.0.1"].map((address) => addresses.mayOpen(address))).toEqual([
      ...[true, true, true],
    ]);
    expect(addresses.mayOpen("10.0.0.1")).toBe(false);
    expect(createAddresses(none).mayOpen("127.0.0.1")).toBe(false);
  });
});

describe("refusals of one address", () => {
  const refuse = (addresses: ReturnType<typeof createAddresses>, address: string, times: number): void => {
    for (let n = 0; n < times; n += 1) addresses.refused(address, 0);
  };

  it("are paid by that address alone, once there were too many", () => {
    const addresses = createAddresses(none);
    refuse(addresses, "10.0.0.1", REFUSAL_BURST - 1);
    expect(addresses.waitMs("10.0.0.1", 0)).toBe(0);
    refuse(addresses, "10.0.0.1", 1);
    expect(addresses.waitMs("10.0.0.1", 0)).toBe(1000 / REFUSALS_PER_SEC);
    expect(addresses.waitMs("10.0.0.2", 0)).toBe(0);
  });

  it("are forgiven with time, however many there were, and whoever waits as told is listened to", () => {
    const addresses = createAddresses(none);
    refuse(addresses, "2001:db8::1", 1000);
    const waitMs = addresses.waitMs("2001:db8::2", 0);
    expect(waitMs).toBe(1000 / REFUSALS_PER_SEC);
    expect(addresses.waitMs("2001:db8::2", waitMs)).toBe(0);
  });

  it("are remembered of a bounded number of addresses, the latest", () => {
    const addresses = createAddresses(none);
    refuse(addresses, "10.0.0.1", REFUSAL_BURST);
    refuse(addresses, "10.0.0.2", REFUSAL_BURST);
    addresses.refused("10.0.0.1", 0);
    for (let n = 0; n < REMEMBERED_ADDRESSES - 1; n += 1)
      addresses.refused(`11.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 0);
    expect(addresses.waitMs("10.0.0.2", 0), "pushed out").toBe(0);
    expect(addresses.waitMs("10.0.0.1", 0)).toBeGreaterThan(0);
  });

  it("cost loopback nothing where that is exempt", () => {
    const addresses = createAddresses({ ...none, loopbackExempt: true });
    refuse(addresses, "127.0.0.1", REFUSAL_BURST * 2);
    expect(addresses.waitMs("127.0.0.1", 0)).toBe(0);
  });
});
