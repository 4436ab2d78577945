// What one client address holds on this edge, and how often it was refused of late. Pure; the door asks before it accepts
// and tells of each end and each refusal. Who counts as one address is the runtime's: an IPv6 client owns its whole /64.
// States: sockets open per address (as many entries as sockets, at most); refusals per address, forgotten as they age, and
// at the latest when too many other addresses were refused since: strangers never size what is remembered.

import { addressGroup, isLoopbackAddress } from "@rookery/runtime";

export interface Addresses {
  /** Whether one more socket from this address may be opened. */
  mayOpen(address: string): boolean;
  opened(address: string): void;
  closed(address: string): void;
  /** This address was refused, or let in and never said who it was. */
  refused(address: string, nowMs: number): void;
  /** Milliseconds until this address is listened to again; 0 when it is now. */
  waitMs(address: string, nowMs: number): number;
  /** Addresses with sockets; back to 0 when everybody has gone. */
  size(): number;
}

export interface AddressRules {
  /** Sockets of one address. */
  readonly atMost: number;
  /** Whether loopback is free of all of this. */
  readonly loopbackExempt: boolean;
}

/** Refusals of one address before it is no longer listened to: a crowd behind one address, all of it mistaken once. */
export const REFUSAL_BURST = 100;
/** So many are forgiven each second: a page that may not connect and tries again all the time costs no more. */
export const REFUSALS_PER_SEC = 10;
/** Refused addresses that are remembered, the latest ones. */
export const REMEMBERED_ADDRESSES = 10_000;

interface Refusals {
  readonly count: number;
  readonly atMs: number;
}

export function createAddresses({ atMost, loopbackExempt }: AddressRules): Addresses {
  const open = new Map<string, number>();
  const refusals = new Map<string, Refusals>();
  const isExempt = (address: string): boolean => loopbackExempt && isLoopbackAddress(address);
  const standing = (key: string, nowMs: number): number => {
    const last = refusals.get(key);
    return last === undefined ? 0 : Math.max(0, last.count - ((nowMs - last.atMs) * REFUSALS_PER_SEC) / 1000);
  };
  return {
    mayOpen: (address) => isExempt(address) || (open.get(addressGroup(address)) ?? 0) < atMost,
    opened(address) {
      if (isExempt(address)) return;
      const key = addressGroup(address);
      open.set(key, (open.get(key) ?? 0) + 1);
    },
    closed(address) {
      const key = addressGroup(address);
      const left = (open.get(key) ?? 0) - 1;
      if (left > 0) open.set(key, left);
      else open.delete(key);
    },
    refused(address, nowMs) {
      if (isExempt(address)) return;
      const key = addressGroup(address);
      const count = Math.min(REFUSAL_BURST, standing(key, nowMs) + 1);
      // A map keeps the order of insertion: whoever was refused last stands last.
      refusals.delete(key);
      refusals.set(key, { count, atMs: nowMs });
      const [oldest] = refusals.size > REMEMBERED_ADDRESSES ? refusals.keys() : [];
      if (oldest !== undefined) refusals.delete(oldest);
    },
    waitMs(address, nowMs) {
      const over = standing(addressGroup(address), nowMs) - (REFUSAL_BURST - 1);
      return over <= 0 ? 0 : Math.ceil((over * 1000) / REFUSALS_PER_SEC);
    },
    size: () => open.size,
  };
}
