// Contract of enforcing: nothing is committed that could not be told, what is committed stands, and the receipt is true.
import type { Receipt } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { GlobalChange } from "@rookery/protocol";
import type { Done } from "@rookery/store";
import { describe, expect, it } from "vitest";
import { createEnforcement } from "./enforce.ts";
import type { EnforcementOptions } from "./enforce.ts";

const change: GlobalChange = { kind: "global", version: 3, ban: null, revocation: null };
const done: Done<GlobalChange> = { kind: "done", change, announcement: 17, audit: '{"kind":"revoke"}' };
const whole: Receipt = { nodes: { confirmed: 2, expected: 2, missing: [] }, sessionsClosed: 4, ms: 9 };
const away = new ChatError("unavailable", "away");
const NODES = [
  { node: "edge-1.a", kind: "edge" },
  { node: "api.b", kind: "api" },
  { node: "edge-2.c", kind: "edge" },
] as const;

function scene(
  failing: Partial<Pick<EnforcementOptions, "nodes">> & {
    trouble?: string;
    announce?: Error;
    done?: Error;
    gather?: Error;
  },
) {
  const steps: unknown[] = [];
  const unheard: unknown[] = [];
  const step = <Answer>(name: string, answer: Answer, failure?: Error): Promise<Answer> => {
    steps.push(name);
    return failure === undefined ? Promise.resolve(answer) : Promise.reject(failure);
  };
  const enforcement = createEnforcement({
    announcer: {
      announce: (partition, control, audit) =>
        step(`announce ${partition} ${control.kind} ${audit}`, { epoch: 1, number: 5 }, failing.announce),
    },
    announcements: { done: (which) => step(`done ${which.join()}`, undefined, failing.done) },
    receipts: {
      gather: (partition, { epoch, number }) => step(`gather ${partition} ${epoch}-${number}`, whole, failing.gather),
    },
    nodes: failing.nodes ?? (() => step("nodes", NODES)),
    trouble: () => failing.trouble,
    onUnheard: (error) => void unheard.push(error),
  });
  return { ...enforcement, steps, unheard, act: () => step("commit", done) };
}

const NOBODY = { nodes: { confirmed: 0, expected: 2, missing: ["edge-1.a", "edge-2.c"] }, sessionsClosed: 0 };

describe("an act", () => {
  it("is committed, announced, taken off the rows that wait, and answered with the receipt of every edge", async () => {
    const { enforce, steps, act } = scene({});
    expect(await enforce(7, act)).toEqual({ outcome: done, receipt: whole });
    expect(steps).toEqual(["nodes", "commit", 'announce 7 global {"kind":"revoke"}', "done 17", "gather 7 1-5"]);
  });

  it("is refused while Redis is away, before anything is committed", async () => {
    const { enforce, steps, act } = scene({ nodes: () => Promise.reject(away) });
    await expect(enforce(7, act)).rejects.toBe(away);
    expect(steps).toEqual([]);
  });

  it("is refused over a Redis in which nothing may be numbered yet, before anything is committed", async () => {
    const { enforce, steps, act } = scene({ trouble: "whose Redis this is shows soon" });
    await expect(enforce(7, act)).rejects.toMatchObject({ code: "unavailable" });
    expect(steps).toEqual([]);
  });

  it("that is refused says why, and tells nobody", async () => {
    const { enforce, steps } = scene({});
    const refused = { kind: "refused", code: "forbidden", message: "a moderator bans no moderator" } as const;
    await expect(enforce(7, () => Promise.resolve(refused), "c")).rejects.toMatchObject({
      code: "forbidden",
      message: "a moderator bans no moderator",
      details: { channel: "c" },
    });
    expect(steps).toEqual(["nodes"]);
  });

  it("that had to change nothing is told to nobody, so nobody is expected to confirm it", async () => {
    const { enforce, steps } = scene({});
    const { receipt } = await enforce(7, () => Promise.resolve({ kind: "unchanged" } as const));
    expect(receipt).toMatchObject({ nodes: { confirmed: 0, expected: 0, missing: [] }, sessionsClosed: 0 });
    expect(steps).toEqual(["nodes"]);
  });

  it("that stands and could not be announced has every edge missing, and its row waits for the next announcement", async () => {
    const { enforce, steps, act, unheard } = scene({ announce: away });
    const { outcome, receipt } = await enforce(7, act);
    expect([outcome, receipt]).toMatchObject([done, NOBODY]);
    expect(steps.slice(2)).toEqual([expect.stringContaining("announce 7")]);
    expect(unheard).toEqual([away]);
  });

  it("whose confirmations cannot be read has every edge missing; its announcement is out, and its row goes", async () => {
    const { enforce, steps, act } = scene({ gather: away });
    expect((await enforce(7, act)).receipt).toMatchObject(NOBODY);
    expect(steps).toContain("done 17");
  });

  it("that takes nothing from anybody is told, and nobody's word is waited for", async () => {
    const { commit, steps, act } = scene({});
    expect(await commit(7, act)).toEqual(done);
    expect(steps).toEqual(["nodes", "commit", 'announce 7 global {"kind":"revoke"}', "done 17"]);
  });

  it("whose row could not be taken away is answered all the same: it is announced once more", async () => {
    const { enforce, act, unheard } = scene({ done: away });
    expect((await enforce(7, act)).receipt).toEqual(whole);
    expect(unheard).toEqual([away]);
  });
});

describe("an order", () => {
  const farewell = { kind: "user", user: "ann", frame: "{}", close: null } as const;

  it("goes to the user's partition and is answered with the receipt", async () => {
    const { order, steps } = scene({});
    expect(await order(3, farewell, "{}")).toEqual(whole);
    expect(steps).toEqual(["announce 3 user {}", "gather 3 1-5"]);
  });

  it("that may not have arrived says so", async () => {
    await expect(scene({ announce: away }).order(3, farewell, "{}")).rejects.toBe(away);
  });
});
