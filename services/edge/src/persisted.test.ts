// Contract of the second acknowledgement where a watermark cannot vouch for every send: only Postgres' word counts, and
// nothing later is told before it has come.
import { createPartitions } from "@rookery/broker";
import type { Published } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it, vi } from "vitest";
import { createPersistedNotices } from "./persisted.ts";
import { sessionOn } from "./session.fixture.ts";

const PARTITION = 0;
const published = (seq: number): Published => ({
  kind: "published",
  id: `m${seq}`,
  position: { epoch: 7, seq },
  at: 0,
  duplicate: false,
  entry: { epoch: 7, number: seq },
});
const mark = (number: number, unstored: number) => ({ upTo: { epoch: 7, number }, unstored });

/** Nothing here takes longer than a few turns of the loop. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 1 });

function rig() {
  const faults: unknown[] = [];
  const asked: { ids: string[]; answer: (...held: boolean[]) => void; fail: (error: Error) => void }[] = [];
  const notices = createPersistedNotices({
    partitions: createPartitions(1),
    holds: (messages) =>
      new Promise((resolve, reject) => {
        asked.push({ ids: messages.map(({ id }) => id), answer: (...held) => resolve(held), fail: reject });
      }),
    fault: (error) => void faults.push(error),
  });
  const open = () => {
    const said: number[] = [];
    const session = sessionOn({ send: (text) => void said.push(JSON.parse(text).seq) });
    return { session, said };
  };
  return { asked, notices, open, faults };
}

describe("persisted", () => {
  it("of a later send waits for what Postgres says of an earlier one", async () => {
    const { asked, notices, open } = rig();
    const { session, said } = open();
    notices.track(session, "lobby", published(1));
    notices.saved(PARTITION, mark(1, 1));
    notices.track(session, "lobby", published(2));
    notices.saved(PARTITION, mark(2, 1));
    expect([said, asked.flatMap(({ ids }) => ids)]).toEqual([[], ["m1"]]);
    asked[0]?.answer(true);
    await soon(() => expect(said).toEqual([1]));
    notices.saved(PARTITION, mark(2, 1));
    expect([said, notices.waiting()]).toEqual([[1, 2], 0]);
  });

  it("outlives an answer of Postgres that nobody expects, reports it and asks again", async () => {
    const { asked, notices, open, faults } = rig();
    const { session, said } = open();
    notices.track(session, "lobby", published(1));
    notices.saved(PARTITION, mark(1, 1));
    asked[0]?.fail(new Error("permission denied for table messages"));
    await soon(() => expect(faults).toHaveLength(1));
    notices.saved(PARTITION, mark(1, 1));
    await soon(() => expect(asked).toHaveLength(2));
    asked[1]?.answer(true);
    await soon(() => expect(said).toEqual([1]));
  });

  it("ends for a session and channel of which something is not saved, and for no other", async () => {
    const { asked, notices, open } = rig();
    const [unlucky, other] = [open(), open()];
    notices.track(unlucky.session, "lobby", published(1));
    notices.track(other.session, "lobby", published(2));
    notices.saved(PARTITION, mark(2, 1));
    expect(asked.map(({ ids }) => ids)).toEqual([["m1", "m2"]]);
    asked[0]?.answer(false, true);
    await soon(() => expect(other.said).toEqual([2]));
    notices.track(unlucky.session, "lobby", published(3));
    notices.track(unlucky.session, "hall", published(4));
    notices.saved(PARTITION, mark(4, 1));
    expect(unlucky.said).toEqual([4]);
  });

  it("asks about any number of sends in few statements", async () => {
    const { asked, notices, open } = rig();
    const { session, said } = open();
    const sends = Array.from({ length: 1_200 }, (_, n) => n + 1);
    for (const seq of sends) notices.track(session, "lobby", published(seq));
    notices.saved(PARTITION, mark(1_200, 1));
    for (let n = 0; n < 3; n += 1) {
      await soon(() => expect(asked).toHaveLength(n + 1));
      asked[n]?.answer(...(asked[n]?.ids ?? []).map(() => true));
    }
    await soon(() => expect(said.at(-1)).toBe(1_200));
    expect(asked.flatMap(({ ids }) => ids)).toEqual(sends.map((seq) => `m${seq}`));
  });

  it("waits for the next watermark while Postgres is away", async () => {
    const { asked, notices, open } = rig();
    const { session, said } = open();
    notices.track(session, "lobby", published(1));
    notices.saved(PARTITION, mark(1, 1));
    asked[0]?.fail(new ChatError("unavailable", "away"));
    await soon(() => expect(notices.waiting()).toBe(1));
    notices.saved(PARTITION, mark(1, 1));
    await soon(() => expect(asked).toHaveLength(2));
    asked[1]?.answer(true);
    await soon(() => expect(said).toEqual([1]));
  });
});
