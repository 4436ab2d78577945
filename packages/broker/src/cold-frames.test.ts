// Contract of gathering: however many channels one command reads, each stage of it is one statement.
import { ChatError, ORIGIN } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createColdReader } from "./cold-frames.ts";
import type { ColdFrames, ColdReader } from "./cold-frames.ts";
import { createGate } from "./gate.ts";
import type { StoredFrame } from "@rookery/protocol";
import { createReading } from "./reading.ts";

const GATE = { capacity: 4, mostWaiting: 100, mostWaitMs: 1_000 };
const channels = Array.from({ length: 100 }, (_, n) => `c${n}`);
const stretch = (channel: string) => ({ channel, from: ORIGIN, most: 10, bytes: 1_000 });

function createPostgres() {
  const statements: string[] = [];
  const answer = async <Wish, Answer>(name: string, wishes: readonly Wish[], each: (wish: Wish) => Answer) => {
    statements.push(`${name} of ${wishes.length}`);
    return wishes.map(each);
  };
  const frameOf = ({ channel }: { channel: string }) => [{ position: { epoch: 1, seq: 1 }, frame: channel }];
  const cold: ColdFrames = {
    lasts: (wishes) => answer("lasts", wishes, () => ({ epoch: 1, seq: 1 })),
    stretchesAfter: (wishes) => answer("after", wishes, frameOf),
    stretchesBefore: (wishes) => answer("before", wishes, frameOf),
    repliesAfter: async (wish) => frameOf(wish),
    repliesBefore: async (wish) => frameOf(wish),
    repliesCount: async () => new Map(),
    ownReactions: async () => [],
  };
  return { statements, cold };
}

/** Runs one task a channel, each beginning after as many turns as it has characters. */
async function run(
  cold: ColdFrames,
  task: (channel: string, reader: ColdReader, n: number) => Promise<readonly StoredFrame[]>,
) {
  const reading = createReading();
  const reader = createColdReader(cold, createGate(GATE), reading, channels.length);
  const outcomes = await Promise.allSettled(
    channels.map(async (channel, n) => {
      for (let turn = 0; turn < channel.length + (n % 7); turn += 1) await Promise.resolve();
      return task(channel, reader, n).finally(() => reader.done());
    }),
  );
  return { outcomes, reading };
}

describe("what a hundred tasks ask of Postgres", () => {
  it("is one statement a stage, whichever stages each of them needs and whenever it comes to them", async () => {
    const { statements, cold } = createPostgres();
    const { outcomes, reading } = await run(cold, async (channel, reader, n) => {
      if (n % 2 === 0) await reader.head(channel);
      const page = n % 3 === 0 ? [] : await reader.after(stretch(channel));
      return n % 5 === 0 ? [...page, ...(await reader.before(stretch(channel)))] : page;
    });
    expect(statements).toEqual(["lasts of 50", "after of 66", "before of 20"]);
    expect(reading).toMatchObject({ statements: 3, entries: 86 });
    const frames = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.map(({ frame }) => frame) : [],
    );
    expect(frames[10]).toEqual(["c10", "c10"]);
    expect(frames[7]).toEqual(["c7"]);
  });

  it("does not wait for tasks that ended or failed before they asked", async () => {
    const { statements, cold } = createPostgres();
    const { outcomes } = await run(cold, async (channel, reader, n) => {
      if (n > 1) throw new Error("lost");
      return n === 0 ? reader.after(stretch(channel)) : [];
    });
    expect(statements).toEqual(["after of 1"]);
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(98);
  });

  it("fails for all that asked together when Postgres is away, and for none that did not ask", async () => {
    const { cold } = createPostgres();
    const away: ColdFrames = { ...cold, stretchesAfter: () => Promise.reject(new Error("ECONNREFUSED")) };
    const { outcomes } = await run(away, async (channel, reader, n) => (n < 90 ? reader.after(stretch(channel)) : []));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(90);
    expect(refused.every(({ reason }) => reason instanceof ChatError && reason.code === "unavailable")).toBe(true);
  });

  it("is not asked for a session that has gone meanwhile", async () => {
    const { statements, cold } = createPostgres();
    let isHere = true;
    const reader = createColdReader(
      cold,
      createGate(GATE),
      createReading(() => isHere),
      1,
    );
    await reader.head("c1");
    isHere = false;
    await expect(reader.after(stretch("c1"))).rejects.toMatchObject({ code: "unavailable" });
    await expect(reader.repliesAfter(stretch("c1"), "id")).rejects.toMatchObject({ code: "unavailable" });
    expect(statements).toEqual(["lasts of 1"]);
  });
});
