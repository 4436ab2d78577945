// Readers of option values, handed to commander: text in, value out, or a usage error that says what was expected.
// Pure; called while a command line is parsed.
import { isChannelId, isUserId } from "@rookery/protocol";
import { InvalidArgumentError } from "commander";

/** A whole number from `minimum` to `maximum`, both included. */
export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${minimum} to ${maximum}.`);
  };
}

const UNIT_SEC: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Ten years: whoever means longer means for good. */
const LONGEST_SEC = 3650 * 86_400;

/** A time such as `90s`, `10m`, `2h` or `7d`, in seconds. */
export function durationSec(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_SEC[unit] ?? Number.NaN);
  if (seconds >= 1 && seconds <= LONGEST_SEC) return seconds;
  throw new InvalidArgumentError("Expected a time such as 90s, 10m, 2h or 7d, of ten years at most.");
}

/** A moment as ISO 8601 with its offset, in ms since the Unix epoch. */
export function momentMs(text: string): number {
  const atMs = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (atMs > 0) return atMs;
  throw new InvalidArgumentError("Expected a moment such as 2026-01-31T12:00:00Z.");
}

/** Collects repeated `KEY=VALUE`; of a repeated key the last counts. The value may be empty and may hold `=`. */
export function assignment(
  text: string,
  sofar: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, key, value] = /^([A-Za-z][A-Za-z0-9_]*)=([\s\S]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError("Expected KEY=VALUE.");
  return { ...sofar, [key]: value };
}

/** The protocol's grammar of channel ids. */
export function channelId(text: string): string {
  if (isChannelId(text)) return text;
  throw new InvalidArgumentError(
    "Expected a channel id: 1 to 64 of A-Z a-z 0-9 _ . : -, beginning with a letter or digit.",
  );
}

/** A user id as it may stand in a token. */
export function userId(text: string): string {
  if (isUserId(text)) return text;
  throw new InvalidArgumentError(
    "Expected a user id: 1 to 128 bytes with something to see, no control or bidi characters, no space at either end.",
  );
}

/** An address with one of the given schemes; of several hosts that are parted by commas, the first stands for all. */
export function address(...schemes: readonly string[]): (text: string) => string {
  return (text) => {
    const ofOneHost = text.replace(/,[^/@]*(?=\/|$)/, "");
    if (schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(ofOneHost)) return text;
    throw new InvalidArgumentError(
      `Expected an address that begins with ${schemes.map((each) => `${each}://`).join(" or ")}.`,
    );
  };
}

const REDIS_ADDRESS = /^rediss?(\+(sentinel|cluster))?:\/\/\S+$/;

/** Of a Redis of any kind, which may name several hosts; whoever loads the setting reads the rest of it. */
export function redisAddress(text: string): string {
  if (REDIS_ADDRESS.test(text)) return text;
  throw new InvalidArgumentError(
    "Expected an address that begins with redis://, redis+sentinel:// or redis+cluster://, with rediss for TLS.",
  );
}
