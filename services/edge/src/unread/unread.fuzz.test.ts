// What is unread, against a plain count over everything that was ever said: whatever of it is in the tail, the log or Postgres,
// whatever the relay has delivered, missed or still has to deliver, and while Postgres is away.
import type { ChannelHead, NewestFrames } from "@rookery/broker";
import {
  ChatError,
  comparePositions,
  messageHalves,
  deletedHalves,
  reactionHalves,
  renderFrame,
  ORIGIN,
} from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { Mention, ReadAnswer, ReadWish } from "@rookery/store";
import * as fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { expect, inject, it } from "vitest";
import { createHub } from "../hub.ts";
import type { Session } from "../session.ts";
import { createUnread } from "./unread.ts";

const CHANNEL = "lobby";
const USERS = ["ann", "bob", "cyd"] as const;

interface Said {
  readonly position: Position;
  readonly frame: string;
  readonly prev: Position | undefined;
  readonly message?: { readonly id: string; readonly author: string; readonly mentions: readonly string[] };
  /** Index of its deletion. */
  deletedBy?: number;
}

/** Everything that was said, with an index each; what stands where is told by how far an index goes. */
function createWorld() {
  const all: Said[] = [];
  const positions = new Map<string, Position>();
  const known = new Set<string>();
  const world = { epoch: 5, saved: 0, logFrom: 0, delivered: 0, isPostgresAway: false };
  const at = (n: number): Position => all[n - 1]?.position ?? ORIGIN;
  const isOut = (said: Said, upTo: number): boolean => said.deletedBy !== undefined && said.deletedBy < upTo;
  const headOf = (): ChannelHead | undefined =>
    all.length === 0 ? undefined : { position: at(all.length), saved: at(world.saved) };
  const stored = (n: number): StoredFrame | undefined => {
    const said = all[n];
    if (said === undefined) return undefined;
    return { position: said.position, frame: said.frame, ...(said.prev === undefined ? {} : { prev: said.prev }) };
  };
  const framesFrom = (from: number): StoredFrame[] => all.slice(from).flatMap((_, n) => stored(from + n) ?? []);

  function say(
    halves: (n: number) => { head: string; tail: string },
    more: Omit<Said, "position" | "frame" | "prev">,
  ): void {
    const before = at(all.length);
    const prev = before.epoch !== world.epoch && before.epoch > 0 ? before : undefined;
    const position = { epoch: world.epoch, seq: all.length + 1 };
    const frame = renderFrame(halves(all.length), { ...position, at: 1, prev });
    all.push({ position, frame, prev, ...more });
  }

  /** In the span, as Postgres has it. */
  function storedMessages({ span }: ReadWish, deleted: readonly string[]): Said[] {
    if (span === undefined) return [];
    return all
      .slice(0, world.saved)
      .filter(
        (said) =>
          said.message !== undefined &&
          comparePositions(said.position, span.read) > 0 &&
          comparePositions(said.position, span.upTo) <= 0 &&
          !isOut(said, world.saved) &&
          !deleted.includes(said.message.id),
      );
  }

  const unlessAway = <T>(value: T): Promise<T> =>
    world.isPostgresAway ? Promise.reject(new ChatError("unavailable", "away")) : Promise.resolve(value);

  const problems: string[] = [];
  return {
    world,
    all,
    problems,
    send(author: string, mentions: readonly string[], times: number): void {
      for (let n = 0; n < times; n += 1) {
        const id = `m${all.length}`.padStart(21, "0");
        const message = { id, author, mentions };
        const parts = { channel: CHANNEL, id, clientId: id, user: author, name: author, body: "x", mentions };
        say(() => messageHalves(parts), { message });
      }
    },
    react: (user: string): void =>
      say(() => reactionHalves({ channel: CHANNEL, id: "m".padStart(21, "0"), user, emoji: "👍", on: true }), {}),
    remove(share: number): void {
      const messages = all.filter(({ message, deletedBy }) => message !== undefined && deletedBy === undefined);
      const said = messages[Math.min(messages.length - 1, Math.floor(share * messages.length))];
      if (said?.message === undefined) return;
      const { id, author } = said.message;
      said.deletedBy = all.length;
      say(() => deletedHalves({ channel: CHANNEL, id, user: author }), {});
    },
    /** Up to this share of what is not yet saved; and the log forgets so much of what is. */
    save(share: number, forgotten: number): void {
      world.saved += Math.ceil(share * (all.length - world.saved));
      world.logFrom += Math.floor(forgotten * (world.saved - world.logFrom));
    },
    newEpoch: (): void => void (world.epoch += 1),
    read(user: string, share: number): void {
      const position = at(Math.floor(share * all.length));
      if (comparePositions(position, positions.get(user) ?? ORIGIN) > 0) positions.set(user, position);
    },
    forgetRead: (user: string): void => void known.delete(user),
    expected(user: string): { read: Position; unread: number; mentions: number } {
      const read = positions.get(user) ?? ORIGIN;
      const seen = all.filter(
        (said) =>
          said.message !== undefined &&
          said.message.author !== user &&
          comparePositions(said.position, read) > 0 &&
          said.deletedBy === undefined,
      );
      const named = seen.filter(({ message }) => message?.mentions.includes(user) === true);
      return { read, unread: Math.min(100, seen.length), mentions: Math.min(100, named.length) };
    },
    unread: createUnread({
      hub: createHub<Session>(),
      statementEveryMs: 0,
      followed: () => at(world.delivered),
      fault: (error) => void problems.push(String(error)),
      reads: {
        find: async (_, user) => ({
          read: known.has(user) ? (positions.get(user) ?? ORIGIN) : undefined,
          head: headOf(),
        }),
        note: async (_, noted) => noted.forEach((__, user) => known.add(user)),
        move: () => Promise.reject(new Error("not asked")),
      },
      newest: {
        async read(): Promise<NewestFrames> {
          const head = headOf();
          const from = Math.max(world.logFrom, Math.min(world.saved, all.length - 256));
          const oldest = all[from];
          const floor = oldest === undefined ? at(all.length) : (oldest.prev ?? at(from));
          return { head, frames: framesFrom(from), floor, isWhole: from === 0 && oldest !== undefined };
        },
        async after(_, position) {
          const from = all.findIndex((said) => comparePositions(said.position, position) > 0);
          return from < world.logFrom ? [] : framesFrom(from).slice(0, 20);
        },
      },
      positions: {
        find: (wishes, deleted) =>
          unlessAway(
            wishes.map((wish): ReadAnswer => {
              const others = storedMessages(wish, deleted).filter(({ message }) => message?.author !== wish.user);
              const named = others.filter(({ message }) => message?.mentions.includes(wish.user) === true);
              return {
                read: positions.get(wish.user),
                unread: Math.min(wish.span?.mostUnread ?? 0, others.length),
                mentions: Math.min(wish.span?.mostMentions ?? 0, named.length),
              };
            }),
          ),
        newestMentions: (wishes, most) =>
          unlessAway(
            wishes.map(({ upTo }) => {
              const span = { read: ORIGIN, upTo, mostUnread: 0, mostMentions: 0 };
              const rows = storedMessages({ channel: CHANNEL, user: "", span }, []).flatMap(({ position, message }) =>
                (message?.mentions ?? [])
                  .filter((user) => user !== message?.author)
                  .map((user): Mention => ({ user, position, id: message?.id ?? "" })),
              );
              return rows.toReversed().slice(0, most);
            }),
          ),
      },
    }),
  };
}

type World = ReturnType<typeof createWorld>;

/** Of what the relay has not delivered; what is lost on the way it heals, or tells as a gap. */
function deliver(made: World, share: number, isGap: boolean): void {
  const { world, all, unread } = made;
  const outlet = unread.beside({ publish: () => undefined, gap: () => undefined });
  const to = world.delivered + Math.ceil(share * (all.length - world.delivered));
  for (const said of all.slice(isGap ? to - 1 : world.delivered, to)) {
    outlet.publish(CHANNEL, isGap ? said.frame : Buffer.from(said.frame), said.position);
  }
  world.delivered = to;
}

async function join(made: World, user: string): Promise<void> {
  const answer = await made.unread.standing(CHANNEL, user);
  const { read, ...counts } = made.expected(user);
  // While Postgres is away what it alone knows is left out: the position with the counts, or the counts.
  const allowed = [{ read, ...counts }, ...(made.world.isPostgresAway ? [{ read }, undefined] : [])];
  if (allowed.some((each) => isDeepStrictEqual(answer, each))) return;
  made.problems.push(`${user} was told ${JSON.stringify(answer)} and not ${JSON.stringify(allowed)}`);
}

interface Step {
  readonly name: string;
  run(this: void, made: World): void | Promise<void>;
}

const user = fc.constantFrom(...USERS);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const mentions = fc.subarray([...USERS]);

function steps<Given extends object>(
  weight: number,
  name: string,
  given: fc.Arbitrary<Given>,
  run: (made: World, given: Given) => void | Promise<void>,
): fc.WeightedArbitrary<Step> {
  const toStep = (drawn: Given): Step => ({
    name: `${name} ${JSON.stringify(drawn)}`,
    run: (made) => run(made, drawn),
  });
  return { weight, arbitrary: given.map(toStep) };
}

const step = fc.oneof(
  steps(5, "send", fc.record({ user, mentions, times: fc.constantFrom(1, 2, 7, 60, 150) }), (made, sent) =>
    made.send(sent.user, sent.mentions, sent.times),
  ),
  steps(3, "remove", fc.record({ share }), (made, removed) => made.remove(removed.share)),
  steps(1, "react", fc.record({ user }), (made, reacted) => made.react(reacted.user)),
  steps(3, "save", fc.record({ share, forgotten: share }), (made, saved) => made.save(saved.share, saved.forgotten)),
  steps(1, "epoch", fc.record({}), (made) => made.newEpoch()),
  steps(2, "read", fc.record({ user, share }), (made, moved) => made.read(moved.user, moved.share)),
  steps(1, "forget", fc.record({ user }), (made, forgotten) => made.forgetRead(forgotten.user)),
  steps(4, "deliver", fc.record({ share, isGap: fc.boolean() }), (made, heard) =>
    deliver(made, heard.share, heard.isGap),
  ),
  steps(
    1,
    "away",
    fc.record({ isAway: fc.boolean() }),
    (made, { isAway }) => void (made.world.isPostgresAway = isAway),
  ),
  steps(6, "join", fc.record({ user }), (made, joined) => join(made, joined.user)),
);

it("what a join tells is what a plain count says, wherever it is taken from; left out only while Postgres is away", async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: "max" }), async (drawn) => {
    const made = createWorld();
    for (const each of drawn) await each.run(made);
    made.world.isPostgresAway = false;
    await Promise.all(USERS.map((each) => join(made, each)));
    expect(made.problems).toEqual([]);
  });
  await fc.assert(property, { numRuns: 12 * inject("fuzzTimes") });
});
