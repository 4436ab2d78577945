// Tells in a page which reactions are one user's own: all else in it is the same for everybody, and stays one page where
// nothing is the user's. Called by edge and api for each who is given a page. Those who are given the same page in one turn of
// the loop, as a crowd that joins, are looked up together. Where Redis does not have every mark of a message, Postgres is
// asked; while it is away, what only it knows is told as nobody's.
// States of a question: asked (others may still join in), being read.
import type { StoredFrame } from "@rookery/protocol";
import { answered } from "./answered.ts";
import { readMark } from "./acts.ts";
import type { ColdFrames } from "./cold-frames.ts";
import type { RedisConnection } from "./connect.ts";
import { foldMine } from "./fold.ts";
import type { Gate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import type { BackwardPage } from "./page.ts";
import type { Reading } from "./reading.ts";

/** The page itself where nothing in it can be anybody's own, or nothing is this user's. Throws ChatError `unavailable`. */
export type TellMine = <Page extends BackwardPage>(
  channel: string,
  page: Page,
  user: string,
  reading: Reading,
) => Page | Promise<Page>;

export interface OwnMarksOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly cold: Pick<ColdFrames, "ownReactions">;
  readonly statements: Gate;
}

/** A message on which somebody has reacted. */
interface Reacted {
  readonly id: string;
  readonly emoji: readonly string[];
}

/** Emoji by the id of a message. */
type Own = Map<string, Set<string>>;

/** All who were given one page. */
interface Asked {
  readonly channel: string;
  readonly reacted: readonly Reacted[];
  readonly users: Set<string>;
  readonly owns: Promise<ReadonlyMap<string, Own>>;
  begin(this: void): void;
}

/** Fields of one command: some tens of microseconds of Redis. */
const MOST_FIELDS = 1_024;
/** Messages times users of one statement: some milliseconds of Postgres. */
const MOST_PAIRS = 2_000;
/** The field that says that every mark there is stands beside it. */
const WHOLE = "";

export function createOwnMarks(options: OwnMarksOptions): TellMine {
  let asked = new Map<readonly StoredFrame[], Asked>();

  function beginAll(): void {
    const all = asked;
    asked = new Map();
    for (const { begin } of all.values()) begin();
  }

  function ask(channel: string, frames: readonly StoredFrame[], reacted: readonly Reacted[]): Asked {
    const same = asked.get(frames);
    if (same !== undefined) return same;
    if (asked.size === 0) setImmediate(beginAll);
    const users = new Set<string>();
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const owns = begun.then(() => readOwns(options, channel, reacted, [...users]));
    const made = { channel, reacted, users, owns, begin };
    asked.set(frames, made);
    return made;
  }

  return (channel, page, user, reading) => {
    const reacted = reactedIn(page.frames);
    if (reacted.length === 0) return page;
    reading.entries += reacted.length;
    const { users, owns } = ask(channel, page.frames, reacted);
    users.add(user);
    return owns.then((all) => withMine(page, all.get(user)));
  };
}

function reactedIn(frames: readonly StoredFrame[]): Reacted[] {
  return frames.flatMap(({ since }) => {
    if (since?.reactions === undefined || since.reactions.length === 0 || since.deleted === true) return [];
    return { id: since.id, emoji: since.reactions.map(({ emoji }) => emoji) };
  });
}

function withMine<Page extends BackwardPage>(page: Page, own: Own | undefined): Page {
  if (own === undefined) return page;
  const frames = page.frames.map((stored) => {
    const mine = own.get(stored.since?.id ?? "");
    return mine === undefined ? stored : foldMine(stored, mine);
  });
  return { ...page, frames };
}

/** What is found out of everybody's marks. */
interface Found {
  readonly owns: Map<string, Own>;
  /** Where Redis may not have every mark: whom it says nothing of, by the id of the message. */
  readonly unsaid: Map<string, Set<string>>;
  /** `<id>|<emoji>|<user>` of those marks that Redis has there. */
  readonly said: Set<string>;
}

/** By user, of those who have any. */
async function readOwns(
  options: OwnMarksOptions,
  channel: string,
  reacted: readonly Reacted[],
  users: readonly string[],
): Promise<ReadonlyMap<string, Own>> {
  const found: Found = { owns: new Map(), unsaid: new Map(), said: new Set() };
  const looks = reacted.flatMap((each) => {
    const most = Math.max(1, Math.floor(MOST_FIELDS / each.emoji.length));
    return inGroups(users, most).map((group) => readMarks(options, channel, each, group, found));
  });
  await Promise.all(looks);
  // A page without every own mark is better than none.
  await readStored(options, channel, found).catch(() => undefined);
  return found.owns;
}

async function readMarks(
  { connection, keys }: OwnMarksOptions,
  channel: string,
  { id, emoji }: Reacted,
  users: readonly string[],
  found: Found,
): Promise<void> {
  const names = users.flatMap((user) => emoji.map((each) => `${each}|${user}`));
  const [whole, ...marks] = await answered(connection, () =>
    connection.hmget(keys.channel(channel).marks(id), WHOLE, ...names),
  );
  for (const [at, text] of marks.entries()) {
    const user = users[Math.floor(at / emoji.length)] ?? "";
    const which = emoji[at % emoji.length] ?? "";
    const mark = readMark(text);
    if (mark?.on === true) add(found.owns, user, id, which);
    if (typeof whole === "string") continue;
    if (mark === undefined) found.unsaid.set(id, (found.unsaid.get(id) ?? new Set()).add(user));
    else found.said.add(`${id}|${which}|${user}`);
  }
}

async function readStored({ cold, statements }: OwnMarksOptions, channel: string, found: Found): Promise<void> {
  const ids = [...found.unsaid.keys()];
  if (ids.length === 0) return;
  const users = [...new Set([...found.unsaid.values()].flatMap((some) => [...some]))];
  const groups = inGroups(users, Math.max(1, Math.floor(MOST_PAIRS / ids.length)));
  const stored = await Promise.all(
    groups.map((group) => statements.through(1, () => cold.ownReactions(channel, ids, group))),
  );
  for (const { id, emoji, user, on } of stored.flat()) {
    if (on && !found.said.has(`${id}|${emoji}|${user}`)) add(found.owns, user, id, emoji);
  }
}

function add(owns: Map<string, Own>, user: string, id: string, emoji: string): void {
  const own: Own = owns.get(user) ?? new Map<string, Set<string>>();
  owns.set(user, own.set(id, (own.get(id) ?? new Set()).add(emoji)));
}

function inGroups<Item>(items: readonly Item[], most: number): Item[][] {
  const groups: Item[][] = [];
  for (let at = 0; at < items.length; at += most) groups.push(items.slice(at, at + most));
  return groups;
}
