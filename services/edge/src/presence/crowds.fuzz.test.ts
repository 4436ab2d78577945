// Whatever comes and goes, and however often the mode changes: a member who believes the frames ends with the right number and
// mode, is told no more than a frame of presence a second, and in full mode of everybody by name.
import { encodeJoined, encodeLeft } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import { array, assert, nat, property, record } from "fast-check";
import { afterEach, beforeEach, expect, inject, it, vi } from "vitest";
import { createCrowds } from "./crowds.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const USERS = 8;
const event = record({ user: nat({ max: USERS - 1 }), waitMs: nat({ max: 1500 }) });
const modeOf = (online: number): Mode => (online > 6 ? "count" : online > 4 ? "digest" : "full");

it("a member's view is right once all is quiet, and costs no more than it may", () => {
  assert(
    property(array(event, { maxLength: 60 }), (events) => {
      const view = { online: 1, mode: "full" };
      const presenceAtMs: number[] = [];
      const present = new Set<number>();
      const crowds = createCrowds({
        hasMembers: () => true,
        isShed: () => false,
        signal(_channel, text, exclude) {
          expect(exclude).not.toBe("the member's own");
          const frame: { type: string; online: number; mode?: Mode } = JSON.parse(Buffer.from(text).toString());
          view.online = frame.online;
          if (frame.type !== "presence") {
            expect(view.mode).toBe("full");
            return;
          }
          view.mode = frame.mode ?? "";
          presenceAtMs.push(performance.now());
        },
        ownSession: () => undefined,
        counts: { presence: { n: 0 }, by_name: { n: 0 } },
      });
      crowds.answered("lobby", { online: 1, mode: "full" });
      for (const { user, waitMs } of events) {
        const comes = !present.delete(user);
        if (comes) present.add(user);
        const online = 1 + present.size;
        const facts = { channel: "lobby", user: `user ${user}`, name: "x", online };
        const frame = Buffer.from(comes ? encodeJoined(facts) : encodeLeft(facts));
        // Back at the very threshold: the script knows of hysteresis, the edge of nothing but its word.
        crowds.announced("lobby", { frame, online, mode: modeOf(online), exclude: comes ? `session ${user}` : "" });
        vi.advanceTimersByTime(waitMs);
      }
      vi.advanceTimersByTime(5000);
      expect(view).toEqual({ online: 1 + present.size, mode: modeOf(1 + present.size) });
      expect([crowds.waiting(), vi.getTimerCount()]).toEqual([0, 0]);
      const gaps = presenceAtMs.slice(1).map((atMs, n) => atMs - (presenceAtMs[n] ?? 0));
      expect(Math.min(1000, ...gaps)).toBe(1000);
    }),
    { numRuns: 60 * inject("fuzzTimes") },
  );
});
