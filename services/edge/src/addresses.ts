// What one client address holds on this edge, and how often it was refused of late. Pure; the door asks before it accepts
// and tells of each end and each refusal. Who counts as one address is the runtime's: an IPv6 client owns its whole /64.
// States: sockets open per address, and those that were closed and may still be held by their peer (as many entries as
// sockets, at most); refusals per address, forgotten as they age, and
// at the latest when too many other addresses were refused since: strangers never size what is remembered.

import { addressGroup, isLoopbackAddress } from "@rookery/runtime";

export interface Addresses {
  /** Whether one more socket from this address may be opened. */
  mayOpen(address: string): boolean;
  opened(address: string): void;
  /** The socket was closed. Until `gone`, its peer may hold it open half way, with whatever it had begun to send. */
  closed(address: string): void;
  gone(address: string): void;
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

/** Open and leaving sockets together, as a multiple of the open ones: people reload pages, and nobody holds more for long. */
export const HELD_BY_LEAVING = 2;

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
  const leaving = new Map<string, number>();
  const refusals = new Map<string, Refusals>();
  const isExempt = (address: string): boolean => loopbackExempt && isLoopbackAddress(address);
  const standing = (key: string, nowMs: number): number => {
    const last = refusals.get(key);
    return last === undefined ? 0 : Math.max(0, last.count - ((nowMs - last.atMs) * REFUSALS_PER_SEC) / 1000);
  };
  return {
    mayOpen(address) {
      const key = addressGroup(address);
      const held = open.get(key) ?? 0;
      return isExempt(address) || (held < atMost && held + (leaving.get(key) ?? 0) < HELD_BY_LEAVING * atMost);
    },
    opened(address) {
      if (!isExempt(address)) add(open, addressGroup(address), 1);
    },
    closed(address) {
      if (isExempt(address)) return;
      add(open, addressGroup(address), -1);
      add(leaving, addressGroup(address), 1);
    },
    gone(address) {
      if (!isExempt(address)) add(leaving, addressGroup(address), -1);
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
    size: () => new Set([...open.keys(), ...leaving.keys()]).size,
  };
}

function add(counts: Map<string, number>, key: string, more: number): void {
  const count = (counts.get(key) ?? 0) + more;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
