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

/** An address with one of the given schemes. */
export function address(...schemes: readonly string[]): (text: string) => string {
  return (text) => {
    if (schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text)) return text;
    throw new InvalidArgumentError(
      `Expected an address that begins with ${schemes.map((each) => `${each}://`).join(" or ")}.`,
    );
  };
}
