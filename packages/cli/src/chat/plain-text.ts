// What `chat` prints where nobody sees a screen: a line for everything that happens, as it happens. Pure.
import type { Happening } from "./happening.ts";
import { speaker, visibleBody } from "./visible-text.ts";

/** `numberOf`: the number of a message by its id. */
export function plainText(happening: Happening, numberOf: (id: string) => number | undefined): string {
  if (happening.kind === "note") return `* ${happening.text}`;
  if (happening.kind === "unread") return `* ${happening.count} unread from here on`;
  if (happening.kind === "changed") {
    return happening.body === undefined ? `* ${happening.text}` : `* ${happening.text}: ${visibleBody(happening.body)}`;
  }
  const { number, user, name, at, body, isEdited, replyTo, reactions } = happening.said;
  const time = new Date(at).toTimeString().slice(0, 8);
  const to = replyTo === undefined ? "" : `[to ${shownNumber(numberOf(replyTo))}] `;
  const marks = [...reactions].map(([emoji, { count }]) => ` ${visibleBody(emoji)} ${count}`).join("");
  const text = body === undefined ? "(deleted)" : `${visibleBody(body)}${isEdited ? " (edited)" : ""}${marks}`;
  return `${time} #${number} ${speaker(user, name)}: ${to}${text}`;
}

function shownNumber(number: number | undefined): string {
  return number === undefined ? "an older one" : `#${number}`;
}
