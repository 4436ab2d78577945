// What two lists have in common, one of which came from the other by a change: most of both, usually, since a channel's messages are
// another list with each one that comes. Pure; a walk that compares objects and looks at nothing in them.

export interface SharedEnds {
  /** So many at the beginning are the same objects in both. */
  readonly first: number;
  /** So many of the others at the end. */
  readonly last: number;
}

export function sharedEnds(before: readonly unknown[], now: readonly unknown[]): SharedEnds {
  const most = Math.min(before.length, now.length);
  let first = 0;
  while (first < most && before[first] === now[first]) first++;
  let last = 0;
  while (last < most - first && before[before.length - 1 - last] === now[now.length - 1 - last]) last++;
  return { first, last };
}
