// Who may be meant by what is typed behind an `@`, those who are present and those who wrote lately; and those present, as they are
// listed. Pure.
import type { ChannelState, Person } from "@rookery/client";

/** What the protocol takes for a mention; somebody with another id cannot be mentioned. */
const MENTIONABLE = /^[A-Za-z0-9_.-]{1,64}$/;
const MOST_SHOWN = 8;
/** Of the newest messages, whose authors are offered. */
const MOST_LOOKED_AT = 500;

export function peopleFor(part: string, state: Pick<ChannelState, "present" | "messages">, me: string): Person[] {
  const people = new Map<string, Person>();
  for (const { user, name } of state.messages.slice(-MOST_LOOKED_AT).toReversed()) {
    if (!people.has(user)) people.set(user, { user, name });
  }
  for (const person of state.present) people.set(person.user, person);
  people.delete(me);
  const sought = plain(part);
  return [...people.values()]
    .filter(({ user }) => MENTIONABLE.test(user))
    .map((person) => ({ person, rank: rankOf(person, sought) }))
    .filter(({ rank }) => rank < NO_RANK)
    .toSorted((one, other) => one.rank - other.rank || compare(one.person.name, other.person.name))
    .slice(0, MOST_SHOWN)
    .map(({ person }) => person);
}

/** Oneself, then the others by name; those alone who are sought, where somebody is. */
export function peopleListed(known: readonly Person[], me: Person, part: string): readonly Person[] {
  const sought = plain(part.trim());
  return [
    me,
    ...known.filter(({ user }) => user !== me.user).toSorted((one, other) => compare(one.name, other.name)),
  ].filter((person) => rankOf(person, sought) < NO_RANK);
}

const { compare } = new Intl.Collator();
const NO_RANK = 3;

/** 0 where it begins the name or the id, 1 where it begins a word of the name, 2 where it stands in either. */
function rankOf({ user, name }: Person, sought: string): number {
  const [id, called] = [plain(user), plain(name)];
  if (called.startsWith(sought) || id.startsWith(sought)) return 0;
  if (called.split(/\s+/).some((word) => word.startsWith(sought))) return 1;
  return called.includes(sought) || id.includes(sought) ? 2 : NO_RANK;
}

/** Without case and accents. */
export function plain(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}
