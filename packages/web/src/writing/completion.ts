// What somebody is about to name at the caret, a person or an emoji, and the text once it is chosen. Pure.

export interface Completion {
  readonly kind: "person" | "emoji";
  /** Where the `@` or the `:` stands. */
  readonly from: number;
  /** What was typed behind it. */
  readonly part: string;
}

export interface Written {
  readonly text: string;
  readonly caret: number;
}

/** At a word's start, as the protocol finds mentions; an emoji after two characters, so that `:)`, `10:30` and `:45` are left alone. */
const STARTS: readonly { readonly kind: Completion["kind"]; readonly form: RegExp }[] = [
  { kind: "person", form: /(?:^|[^\p{L}\p{N}_@.-])(@)([\p{L}\p{N}_.-]{0,64})$/u },
  { kind: "emoji", form: /(?:^|[^\p{L}\p{N}_:])(:)(?=[+-]1|[0-9_+-]*[a-z])([a-z0-9_+-]{2,32})$/u },
];

export function completionAt(text: string, caret: number): Completion | undefined {
  const before = text.slice(0, caret);
  for (const { kind, form } of STARTS) {
    const part = form.exec(before)?.[2];
    if (part !== undefined) return { kind, part, from: caret - part.length - 1 };
  }
  return undefined;
}

/** Puts what was chosen in the place of what was typed, with a space behind it. */
export function completed(text: string, caret: number, { from }: Completion, chosen: string): Written {
  const rest = text.slice(caret);
  const between = rest.startsWith(" ") ? "" : " ";
  return { text: text.slice(0, from) + chosen + between + rest, caret: from + chosen.length + 1 };
}

/** Whether there is anything for which the emoji's names are needed. */
export function namesEmoji(text: string): boolean {
  return /(?:^|[^\p{L}\p{N}_:]):[a-z0-9_+-]{2}/u.test(text);
}

/** A whole `:name:` at a word's start, before the caret; undefined where there is none, or none that is known. */
export function emojiTyped(
  text: string,
  caret: number,
  named: (name: string) => string | undefined,
): Written | undefined {
  const name = /(?:^|[^\p{L}\p{N}_:]):([a-z0-9_+-]{2,32}):$/u.exec(text.slice(0, caret))?.[1];
  const emoji = name === undefined ? undefined : named(name);
  if (name === undefined || emoji === undefined) return undefined;
  const from = caret - name.length - 2;
  return { text: text.slice(0, from) + emoji + text.slice(caret), caret: from + emoji.length };
}

/** Puts it at the caret, in the place of what is selected. */
export function inserted(text: string, from: number, to: number, what: string): Written {
  return { text: text.slice(0, from) + what + text.slice(to), caret: from + what.length };
}
