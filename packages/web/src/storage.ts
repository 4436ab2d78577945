// The browser's storages as this page uses them: one that is full, or that the browser keeps from the page, costs what it would have
// kept after a reload, and nothing before.

/** In memory, as long as the page is there. */
export function createMemoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  };
}

/** `find` throws where the browser keeps it from the page. */
export function openStorage(find: () => Storage): Storage {
  const memory = createMemoryStorage();
  let kept: Storage = memory;
  try {
    kept = find();
  } catch {
    return memory;
  }
  return {
    get length() {
      return kept.length + memory.length;
    },
    key: (index) => kept.key(index) ?? memory.key(index - kept.length),
    getItem: (key) => memory.getItem(key) ?? kept.getItem(key),
    setItem(key, value) {
      try {
        kept.setItem(key, value);
        memory.removeItem(key);
      } catch {
        // What stands there is older: it is not to come back with the next page.
        kept.removeItem(key);
        memory.setItem(key, value);
      }
    },
    removeItem(key) {
      kept.removeItem(key);
      memory.removeItem(key);
    },
    clear() {
      kept.clear();
      memory.clear();
    },
  };
}

export const tabStorage = openStorage(() => sessionStorage);
export const browserStorage = openStorage(() => localStorage);
