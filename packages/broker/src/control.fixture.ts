// Changes of rights for tests: one of a channel, a ban everywhere, and an order about a user's sessions.
import type { AccessEntry, ChannelChange, ChannelRecord, GlobalChange, UserOrder } from "@rookery/protocol";

export const BANNED: AccessEntry = { role: null, ban: { untilMs: null, reason: "spam" }, mute: null };
export const MEMBER: AccessEntry = { role: "member", ban: null, mute: null };

export function recordOf(version: number, more: Partial<ChannelRecord> = {}): ChannelRecord {
  return { version, kind: "public", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false, ...more };
}

/** What is banned of `users` in it; `more` where it is another change. */
export function changeOf(
  channel: string,
  version: number,
  entries: Readonly<Record<string, AccessEntry>> = {},
  more: Partial<ChannelChange> = {},
): ChannelChange {
  return {
    kind: "channel",
    channel,
    record: recordOf(version),
    entries: Object.entries(entries).map(([user, entry]) => ({ user, entry })),
    forgets: false,
    removal: null,
    ...more,
  };
}

export function banEverywhere(version: number, user: string): GlobalChange {
  return { kind: "global", version, ban: { user, untilMs: null, reason: null, lifted: false }, revocation: null };
}

export function noticeTo(user: string): UserOrder {
  return { kind: "user", user, frame: '{"type":"notice"}', close: null };
}
