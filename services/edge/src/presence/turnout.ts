// Who came and went in a channel between two digests. Filled by crowds from frames that scripts rendered; somebody who came and
// went meanwhile is not in it. Bounded: what is told has at most so many names each way, and no more is read than can be told.

import { parsedObject } from "../parsed-object.ts";

export interface Names {
  readonly joined: Person[];
  readonly left: Person[];
  readonly isEmpty: boolean;
}

interface Person {
  readonly user: string;
  readonly name: string;
}

export interface Turnout {
  /** Somebody may have been told something else, perhaps in the answer to a join: told whatever is new in it. */
  isForAll: boolean;
  /** The session that must not get what is told, or "": whoever came alone has heard of it in the answer to their join. */
  readonly exclude: string;
  /** A `joined` or `left` frame; without names it is only known that there was one. */
  add(event: { readonly frame: Uint8Array; readonly exclude: string }, withName: boolean): void;
  names(): Names;
}

const MOST_NAMES = 50;
/** Where `joined` and `left` differ: scripts render `{"type":"joined"` as the encoder does. */
const TYPE_AT = 9;
const JOINED = "j".charCodeAt(0);

export function createTurnout(): Turnout {
  const joined = new Map<string, string>();
  const left = new Map<string, string>();
  let events = 0;
  let exclude = "";

  return {
    isForAll: false,
    get exclude() {
      return events === 1 && !this.isForAll ? exclude : "";
    },
    add(event, withName) {
      events += 1;
      exclude = event.exclude;
      if (!withName) return;
      const [to, from] = event.frame[TYPE_AT] === JOINED ? [joined, left] : [left, joined];
      // Ten thousand who come are not read for the fifty that are told.
      if (to.size >= MOST_NAMES && from.size === 0) return;
      const { user, name } = parsedObject(event.frame);
      if (typeof user !== "string" || typeof name !== "string") return;
      if (!from.delete(user) && to.size < MOST_NAMES) to.set(user, name);
    },
    names: () => ({
      joined: people(joined),
      left: people(left),
      isEmpty: joined.size + left.size === 0,
    }),
  };
}

function people(names: ReadonlyMap<string, string>): Person[] {
  return Array.from(names, ([user, name]) => ({ user, name }));
}
