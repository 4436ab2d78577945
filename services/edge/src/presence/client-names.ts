// What a client calls itself, as it is kept for the life of its session and shown to operators: short, of characters that show,
// and equal ones kept once, since thousands of sockets come with the same few names. Asked by the door.

export type ClientName = (userAgent: string) => string;

const MOST_CHARS = 64;
/** Different names that are kept once: more than browsers there are, and a bound for whoever makes them up. */
const MOST_KEPT = 1000;

export function createClientNames(): ClientName {
  const kept = new Map<string, string>();
  return (userAgent) => {
    const name = shortened(userAgent);
    const known = kept.get(name);
    if (known !== undefined) return known;
    if (kept.size < MOST_KEPT) kept.set(name, name);
    return name;
  };
}

/** A copy: a part of a string keeps the whole header in memory. The layer reads headers as Latin-1 or UTF-8 as they come. */
function shortened(userAgent: string): string {
  const shown = userAgent.slice(0, 4 * MOST_CHARS).replace(/[\p{C}\s]+/gu, " ");
  return Buffer.from(Array.from(shown.trim()).slice(0, MOST_CHARS).join("")).toString();
}
