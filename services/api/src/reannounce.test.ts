// Contract of announcing again: whatever was committed is heard of in the end, whichever servers fail meanwhile.
import { ChatError } from "@rookery/protocol";
import type { GlobalChange } from "@rookery/protocol";
import { expect, it, onTestFinished } from "vitest";
import { startReannouncing } from "./reannounce.ts";

const away = new ChatError("unavailable", "away");
const control = (version: number): GlobalChange => ({ kind: "global", version, ban: null, revocation: null });

function scene(waiting: number[]) {
  const failing = { partition: -1, overdue: false, done: false };
  const heard: number[] = [];
  let isHeard = true;
  let looks = 0;
  const reannouncing = startReannouncing({
    announcer: {
      async announce(partition, { kind }) {
        if (partition === failing.partition) throw away;
        if (kind === "global") heard.push(partition);
        return { epoch: 1, number: 1 };
      },
    },
    announcements: {
      async overdue(limit) {
        looks += 1;
        if (failing.overdue) throw away;
        const some = waiting.slice(0, limit);
        return some.map((n) => ({ announcement: n, partition: n, control: control(n), audit: "" }));
      },
      async done(announcements) {
        if (failing.done) throw away;
        for (const n of announcements) waiting.splice(waiting.indexOf(n), 1);
      },
    },
    isHeard: () => isHeard,
    log: { info: () => undefined, error: () => undefined, debug: () => undefined },
    everyMs: 1_000_000,
  });
  onTestFinished(reannouncing.close);
  return { ...reannouncing, failing, heard, waiting, looks: () => looks, deafen: () => void (isHeard = false) };
}

it("announces what has waited, and takes away what is out", async () => {
  const { look, heard, waiting } = scene([1, 2]);
  await look();
  expect([heard, waiting]).toEqual([[1, 2], []]);
});

it("leaves to the next look what its server did not take, and lets it hold up nothing else", async () => {
  const { look, heard, waiting, failing } = scene([1, 2, 3]);
  failing.partition = 2;
  await look();
  expect([heard, waiting]).toEqual([[1, 3], [2]]);
  failing.partition = -1;
  await look();
  expect([heard, waiting]).toEqual([[1, 3, 2], []]);
});

it("goes on after Postgres was away, whichever question it missed", async () => {
  const { look, heard, waiting, failing } = scene([1]);
  failing.overdue = true;
  await look();
  expect(heard).toEqual([]);
  Object.assign(failing, { overdue: false, done: true });
  await look();
  expect([heard, waiting]).toEqual([[1], [1]]);
  failing.done = false;
  await look();
  expect([heard, waiting]).toEqual([[1, 1], []]);
});

it("asks for nothing while nobody could hear of it, and never twice at once", async () => {
  const { look, looks, deafen } = scene([1]);
  await Promise.all([look(), look()]);
  expect(looks()).toBe(1);
  deafen();
  await look();
  expect(looks()).toBe(1);
});
