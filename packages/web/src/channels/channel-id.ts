// Ids of channels as the protocol allows them (its chapter on text), and one made of a name. Pure.

/** What may be joined: also a direct one. */
export function canBeId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/.test(text);
}

/** What may be made: `dm:` is the cluster's own. */
export function isChannelId(text: string): boolean {
  return canBeId(text) && !text.startsWith("dm:");
}

/** What is left of a name in the letters of an id; empty where nothing is. */
export function idFromName(name: string): string {
  return name
    .normalize("NFD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 64)
    .replaceAll(/^-+|-+$/g, "");
}
