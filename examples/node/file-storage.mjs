// What a browser has as `localStorage`, in a file: as much of it as the client asks for.
import { readFileSync, renameSync, writeFileSync } from "node:fs";

export function openFileStorage(path) {
  const items = new Map(Object.entries(read(path)));
  // A whole file takes the place of the one before, so that no crash leaves half of one.
  const write = () => {
    writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(items)));
    renameSync(`${path}.new`, path);
  };
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem(key, value) {
      items.set(key, value);
      write();
    },
    removeItem(key) {
      if (items.delete(key)) write();
    },
  };
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}
