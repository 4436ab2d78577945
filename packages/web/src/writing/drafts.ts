// What was written and not sent, by channel and thread: kept in the browser's storage, so that it survives a reload and a look elsewhere.

export interface Drafts {
  readonly get: (place: string) => string;
  /** An empty text takes it away. */
  readonly set: (place: string, text: string) => void;
}

export function createDrafts(storage: Storage, user: string): Drafts {
  const keyOf = (place: string): string => `rookery-page/${encodeURIComponent(user)}/draft/${place}`;
  return {
    get: (place) => storage.getItem(keyOf(place)) ?? "",
    set(place, text) {
      if (text === "") storage.removeItem(keyOf(place));
      else storage.setItem(keyOf(place), text);
    },
  };
}
