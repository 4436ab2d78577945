/**
 * A user's part of an application's storage: what survives a reload. One key for each thing, so that two pages on one storage take
 * nothing from each other. A storage that fails costs that alone: everything goes on in memory. Knows no meaning of what it keeps.
 */
import type { Storage } from "./public-types.ts";

export interface Kept {
  /** Whatever stands under names that begin so; what stands in a storage may be anybody's. */
  readonly all: (start: string) => readonly unknown[];
  /** Nothing, or what cannot be read, is null. */
  readonly get: (name: string) => unknown;
  /** Whether it is there now. */
  readonly put: (name: string, value: object) => boolean;
  readonly drop: (name: string) => void;
}

export function createKept(storage: Storage | undefined, user: string, failed: (error: unknown) => void): Kept {
  // A user id may hold anything, so also what parts the names.
  const prefix = `rookery/${encodeURIComponent(user)}/`;
  const attempt = <T>(act: (storage: Storage) => T, otherwise: T): T => {
    try {
      return storage ? act(storage) : otherwise;
    } catch (error) {
      failed(error);
      return otherwise;
    }
  };
  const get = (name: string): unknown => attempt((from) => JSON.parse(from.getItem(prefix + name) ?? "null"), null);
  return {
    get,
    all(start) {
      const keys = attempt((from) => Array.from({ length: from.length }, (_, n) => from.key(n) ?? ""), []);
      return keys.filter((key) => key.startsWith(prefix + start)).map((key) => get(key.slice(prefix.length)));
    },
    put: (name, value) =>
      attempt((to) => {
        to.setItem(prefix + name, JSON.stringify(value));
        return true;
      }, false),
    drop: (name) => attempt((from) => from.removeItem(prefix + name), undefined),
  };
}
