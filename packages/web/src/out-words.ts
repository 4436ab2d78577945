// What one reads where a channel was, once one is out of it: why, and what can be done. Pure.

export interface Out {
  readonly text: string;
  /** What helps: `password`, to give one; `again`, to ask once more; nothing does. */
  readonly help: "password" | "again" | "none";
}

const WORDS: ReadonlyMap<string, Out> = new Map<string, Out>([
  ["banned", { text: "You were banned from this channel", help: "again" }],
  ["kicked", { text: "You were taken out of this channel.", help: "again" }],
  ["forbidden", { text: "You may not be in this channel.", help: "again" }],
  ["deleted", { text: "This channel was deleted.", help: "none" }],
  ["not_found", { text: "There is no such channel, or none that you may see.", help: "again" }],
  ["password_required", { text: "This channel asks for a password.", help: "password" }],
  ["wrong_password", { text: "That was not the password.", help: "password" }],
  ["password_changed", { text: "The password of this channel was changed.", help: "password" }],
  ["rate_limited", { text: "Too many tries: wait a while.", help: "password" }],
  ["too_many", { text: "This channel is full, or you are in too many.", help: "again" }],
]);

/** `until` in ms since the Unix epoch; `show` makes it readable. */
export function outWords({ code, message, until }: OutError, show: (ms: number) => string): Out {
  const known = WORDS.get(code) ?? { text: `This channel cannot be shown: ${message}.`, help: "again" };
  if (code !== "banned") return known;
  return { ...known, text: until === undefined ? `${known.text}.` : `${known.text} until ${show(until)}.` };
}

export interface OutError {
  readonly code: string;
  readonly message: string;
  readonly until?: number | undefined;
}
