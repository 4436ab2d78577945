import { deletedHalves, messageHalves, ORIGIN, renderFrame } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { Tail } from "./tail.ts";

const at = (seq: number, epoch = 1): Position => ({ epoch, seq });
const idOf = (seq: number): string => `m${seq}`.padStart(21, "0");

function message(seq: number, user = "bob", mentions: readonly string[] = []): string {
  const parts = { channel: "lobby", id: idOf(seq), clientId: "c", user, name: user, body: "x", mentions };
  return renderFrame(messageHalves(parts), { ...at(seq), at: 1 });
}

function deletion(seq: number, of: number): string {
  return renderFrame(deletedHalves({ channel: "lobby", id: idOf(of), user: "bob" }), { ...at(seq), at: 1 });
}

/** Of a channel with so many messages that are all saved, of which the log has the last 256. */
function tailOf(messages: number, mentions: readonly string[] = []): Tail {
  const from = Math.max(0, messages - 256);
  const frames = Array.from({ length: messages - from }, (_, n) => ({
    position: at(from + n + 1),
    frame: message(from + n + 1, "bob", mentions),
  }));
  const head = { position: at(messages), saved: at(messages) };
  return new Tail({ head, frames, floor: from === 0 ? ORIGIN : at(from), isWhole: from === 0 }, ORIGIN);
}

/** Led on by so many messages, asked each hundred. */
function leadOn(tail: Tail, messages: number, saved: Position, mentions: readonly string[] = []): void {
  for (let n = 1; n <= messages; n += 1) {
    const position = at(tail.head.seq + 1);
    if (!tail.follow(position, message(position.seq, "bob", mentions)))
      throw new Error(`${position.seq} was not taken`);
    if (n % 100 === 0 || n === messages) tail.settle(saved);
  }
}

describe("a tail", () => {
  it("counts by itself as far as it reaches, and says where it does not", () => {
    const tail = tailOf(300);
    expect(tail.count("ann", at(290))).toEqual({ unread: 10, mentions: 0, isShort: false, lacksMentions: false });
    expect(tail.count("bob", at(290))).toMatchObject({ unread: 0, isShort: false });
    expect(tail.count("ann", at(44))).toMatchObject({ unread: 100, isShort: false, lacksMentions: false });
    expect(tail.count("ann", at(43))).toMatchObject({ unread: 100, isShort: false, lacksMentions: true });
    expect(tail.count("bob", at(43))).toMatchObject({ unread: 0, isShort: true });
  });

  it("of a whole channel reaches everybody who has read nothing", () => {
    expect(tailOf(20).count("ann", ORIGIN)).toEqual({ unread: 20, mentions: 0, isShort: false, lacksMentions: false });
  });

  it("takes what follows, what came already, and nothing behind a hole or of another epoch", () => {
    const tail = tailOf(5);
    expect(tail.follow(at(5), message(5))).toBe(true);
    expect(tail.follow(at(6), message(6))).toBe(true);
    expect(tail.follow(at(8), message(8))).toBe(false);
    expect(tail.follow(at(7, 2), message(7))).toBe(false);
    tail.settle(at(5));
    expect(tail.count("ann", at(4))).toMatchObject({ unread: 2 });
  });

  it("copies what it keeps of a buffer that is used again", () => {
    const tail = tailOf(5);
    const bytes = Buffer.from(message(6));
    tail.follow(at(6), bytes);
    bytes.fill(0);
    tail.settle(at(5));
    expect(tail.count("ann", at(5))).toMatchObject({ unread: 1 });
  });

  it("subtracts a deletion wherever its message is: in the tail, left by it, or never in it", () => {
    const tail = tailOf(300);
    for (const of of [299, 45, 7])
      expect(tail.follow(at(tail.head.seq + 1), deletion(tail.head.seq + 1, of))).toBe(true);
    tail.settle(at(300));
    expect(tail.count("ann", at(298))).toMatchObject({ unread: 1 });
    expect(tail.deletedBelow).toEqual([idOf(7)]);
    // 45 leaves the tail, and its deletion is not stored yet.
    leadOn(tail, 60, at(300));
    expect(tail.deletedBelow).toEqual([idOf(7), idOf(45)]);
    tail.settle(at(303));
    expect(tail.deletedBelow).toEqual([]);
  });

  it("knows mentions below it once they were asked for, with those that leave it and without deleted ones", () => {
    const tail = tailOf(300, ["ann"]);
    expect(tail.expectOlder()).toEqual(at(44));
    leadOn(tail, 30, at(330), ["ann"]);
    tail.knowOlder(
      [
        { user: "ann", position: at(40), id: idOf(40) },
        { user: "ann", position: at(9), id: idOf(9) },
      ],
      false,
    );
    // Within a hundred there is nothing that is not known: 9, 40 and all from 45 on.
    expect(tail.count("ann", at(9))).toMatchObject({ lacksMentions: false });
    expect(tail.count("ann", at(8))).toMatchObject({ mentions: 100 });
    const quiet = tailOf(300);
    quiet.expectOlder();
    quiet.knowOlder(
      [
        { user: "ann", position: at(40), id: idOf(40) },
        { user: "ann", position: at(9), id: idOf(9) },
      ],
      false,
    );
    expect(quiet.count("ann", at(9))).toMatchObject({ mentions: 1, lacksMentions: false });
    expect(quiet.count("ann", at(8))).toMatchObject({ lacksMentions: true });
    expect(quiet.follow(at(301), deletion(301, 40))).toBe(true);
    quiet.settle(at(300));
    expect(quiet.count("ann", at(9))).toMatchObject({ mentions: 0, lacksMentions: false });
  });

  it("keeps mentions that leave it by themselves, but not those of oneself", () => {
    const tail = tailOf(256, ["ann", "bob"]);
    tail.expectOlder();
    tail.knowOlder([], true);
    leadOn(tail, 300, at(556));
    expect(tail.count("ann", at(250))).toMatchObject({ mentions: 6, lacksMentions: false });
    expect(tail.count("bob", at(250))).toMatchObject({ mentions: 0, lacksMentions: false });
  });

  it("stays small while Postgres has all, while it has nothing, and while nobody asks", () => {
    const saved = tailOf(256);
    leadOn(saved, 600, at(4_000));
    expect(saved.weight).toBeLessThan(256 * 300);
    const unsaved = tailOf(256);
    leadOn(unsaved, 2_100, at(256));
    expect(unsaved.weight).toBeLessThan(2_048 * 300);
    expect(unsaved.standsOnSaved).toBe(false);
    unsaved.settle(at(2_356));
    expect(unsaved.standsOnSaved).toBe(true);
    const idle = tailOf(256);
    let taken = 0;
    while (taken < 10_000 && idle.follow(at(257 + taken), message(257 + taken))) taken += 1;
    expect(taken).toBe(256);
  });

  it("says that Postgres cannot be asked while more deletions than are kept wait to be stored", () => {
    const tail = tailOf(300);
    for (let n = 0; n < 700; n += 1) {
      tail.follow(at(301 + n), deletion(301 + n, 10_000 + n));
      if (n % 100 === 99) tail.settle(at(300));
    }
    expect(tail.deletedBelow.length).toBeLessThanOrEqual(512);
    expect(tail.standsOnSaved).toBe(false);
    tail.settle(at(1_000));
    expect(tail.standsOnSaved).toBe(true);
  });
});
