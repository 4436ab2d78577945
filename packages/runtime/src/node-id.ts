// The id under which a process speaks to its cluster. Made by the lifecycle, read by everybody at the moment of speaking:
// a process that was frozen, and whose traces others have cleared away meanwhile, goes on under a new one.
// States: one id at a time; a former one is never taken again.
import { randomInt } from "node:crypto";

export interface NodeId {
  current(this: void): string;
  /** Takes a new id, tells it to those who asked, in their order, and answers it. */
  renew(this: void): string;
  onRenew(this: void, tell: (current: string, former: string) => void): void;
}

const SUFFIX_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const SUFFIX_CHARS = 4;

/** `<name>.<4 random characters>`, so that a restarted node never takes over the lease of its former self. */
export function createNodeId(name: string): NodeId {
  const taken = new Set<string>();
  const listeners: ((current: string, former: string) => void)[] = [];
  let current = take();

  function take(): string {
    for (;;) {
      const suffix = Array.from({ length: SUFFIX_CHARS }, () =>
        SUFFIX_ALPHABET.charAt(randomInt(SUFFIX_ALPHABET.length)),
      );
      const id = `${name}.${suffix.join("")}`;
      if (taken.has(id)) continue;
      taken.add(id);
      return id;
    }
  }

  return {
    current: () => current,
    renew() {
      const former = current;
      current = take();
      for (const tell of listeners) tell(current, former);
      return current;
    },
    onRenew: (tell) => void listeners.push(tell),
  };
}
