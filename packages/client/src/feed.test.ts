// A stream of a channel: each item once and in order, and one gap for what a slow reader missed.
import { describe, expect, it } from "vitest";
import { messageOf, settled } from "./fake-world.fixture.ts";
import { createFeed } from "./feed.ts";
import type { Feed, FeedItem } from "./feed.ts";

function start(signal?: AbortSignal) {
  const feeds = new Set<Feed>();
  const items = createFeed(feeds, (item): item is FeedItem => "type" in item, signal);
  return { feeds, items, push: (item: FeedItem) => feeds.forEach((feed) => feed.push(item)) };
}

describe("a feed", () => {
  it("hands on what waits and what comes, to as many as ask at once", async () => {
    const { items, push } = start();
    push(messageOf(1));
    const asked = [items.next(), items.next(), items.next()];
    push(messageOf(2));
    await settled();
    push(messageOf(3));
    const seqs = (await Promise.all(asked)).map(({ value }) => (value !== undefined && "seq" in value ? value.seq : 0));
    expect(seqs).toEqual([1, 2, 3]);
  });

  it("tells a slow reader of what it missed as one gap, behind what waits", async () => {
    const { items, push } = start();
    for (let seq = 1; seq <= 1_200; seq += 1) push(messageOf(seq));
    const at = (seq: number) => ({ epoch: 1, seq });
    push({ type: "gap", channel: "lobby", from: at(1_201), to: at(1_205), lost: true });
    const read: unknown[] = [];
    for await (const item of items) {
      read.push("seq" in item ? item.seq : item);
      if (read.length === 1_000) break;
    }
    expect(read.slice(0, 999)).toEqual(Array.from({ length: 999 }, (_, n) => n + 1));
    expect(read[999]).toEqual({ type: "gap", channel: "lobby", from: at(1_000), to: at(1_205), lost: false });
  });

  it("ends behind what waits: with an error once, then done", async () => {
    const { items, feeds, push } = start();
    push(messageOf(1));
    for (const feed of feeds) feed.end(new Error("banned"));
    expect(await items.next()).toMatchObject({ value: { seq: 1 } });
    await expect(items.next()).rejects.toThrow("banned");
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });

  it("is forgotten by a reader that stops, and ends whoever waits", async () => {
    const { items, feeds, push } = start();
    const waiting = items.next();
    await items.return?.();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(feeds.size).toBe(0);
    push(messageOf(1));
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });
});
