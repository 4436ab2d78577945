// How other people's text is shown in a terminal: nothing in it moves the cursor, sets a title, turns the order of letters
// round or hides, and no message can be taken for another one's line. Used by everything that prints what came over the
// network or stands in a token. Pure. `--json` never comes through here: it is exact.

/** Well-formed emoji are kept whole, joiners inside them too. They need the flag `v`, which TypeScript checks in literals. */
const EMOJI = String.raw`\p{RGI_Emoji}`;
/**
 * Controls (with ESC and the one-character sequences of C1), line and paragraph separators, direction marks, what has no
 * width, private and lone units, blanks that look like nothing.
 */
const HIDDEN = String.raw`[[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2800]`;
/** Joiners belong to the spelling of Persian, Hindi and others, and variation selectors to symbols. */
const IN_WRITING = String.raw`(?<=[\p{L}\p{M}])[\u200c\u200d](?=\p{L})|(?<=[\p{S}\p{P}\p{N}])[\ufe0e\ufe0f]`;

/** What the first group holds stays as it is, anything else that matches is one unit to be shown by its number. */
const IN_A_LINE = new RegExp(`(${EMOJI})|${HIDDEN}]`, "gv");
const IN_A_BODY = new RegExp(`(${EMOJI}|${IN_WRITING})|${HIDDEN}--[\\t\\n]]`, "gv");
/** What needs no quotation marks: nothing in it can be read as the end of it. */
const PLAIN = /^[\p{L}\p{M}\p{N}_.@+-]+$/u;

/** Before every line of a message but its first. Lines of their own begin with a time. */
const CONTINUED = "         | ";

/** Text on one line. */
export function visibleLine(text: string): string {
  return text.replace(IN_A_LINE, shown);
}

/** A message's text: lines after the first are set in, so that none of them looks like a message of its own. */
export function visibleBody(text: string): string {
  return visibleLines(text).join(`\n${CONTINUED}`);
}

/** The same by line, for who sets the lines in otherwise. */
export function visibleLines(text: string): string[] {
  return text.replace(IN_A_BODY, shown).split("\n");
}

/**
 * Who speaks: the user id, which nobody can choose as another's, and the name beside it where it differs. What is no plain
 * word is quoted: `guest-1 "bob: hi"`.
 */
export function speaker(user: string, name: string = user): string {
  const who = PLAIN.test(user) ? user : quoted(user);
  return name === user ? who : `${who} ${quoted(name)}`;
}

function quoted(text: string): string {
  return `"${visibleLine(text.replaceAll(/["\\]/g, String.raw`\$&`))}"`;
}

function shown(found: string, kept: string | undefined): string {
  return kept ?? `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`;
}
