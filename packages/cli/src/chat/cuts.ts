// What the end of a connection says of a message that was on its way over it. Used by whoever repeats messages. Pure.

/** Connections that ended without a word once the message was on its way: as many, and it is the message's doing. */
export const MOST_CUTS = 3;

/** A close that the edge chose and named: that it comes while a message is under way says nothing of the message. */
export function isFarewell(code: number): boolean {
  return code >= 4000;
}
