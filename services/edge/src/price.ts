// What a command costs beyond the token of its frame: its price follows its work, so that a rate of frames is a rate of
// work too. Asked by the commands that read; the session's bucket takes it, into debt if need be. Pure.

import type { Reading } from "@rookery/broker";

/** For one token: twice a full page, so that no single page costs more than its frame, whichever tier it came from. */
const BYTES_A_TOKEN = 128 * 1024;
const ENTRIES_A_TOKEN = 512;
/** Channels joined by one frame for one token: each asks for rights, a topic, a head and a page. */
const CHANNELS_A_TOKEN = 10;
/** Those present who are told for one token: each costs Redis a lookup and Postgres another. */
const MEMBERS_A_TOKEN = 100;

/** Known before a frame is carried out, so that many of them at once are refused and not regretted. */
export function priceOfChannels(channels: number): number {
  return Math.ceil(channels / CHANNELS_A_TOKEN) - 1;
}

/** Of those present who were told; the frame's own token is taken off. */
export function priceOfMembers(told: number): number {
  return Math.max(0, Math.ceil(told / MEMBERS_A_TOKEN) - 1);
}

/** Known afterwards; the frame's own token and what was `paid` before are taken off. */
export function priceOfReading({ bytes, entries }: Reading, paid = 0): number {
  return Math.max(0, Math.ceil(Math.max(bytes / BYTES_A_TOKEN, entries / ENTRIES_A_TOKEN)) - 1 - paid);
}
