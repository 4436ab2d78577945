// Whatever overtakes what: a channel that is followed hands each position on once and in order, and tells of every one that it
// does not hand on.
import type { SequencedFrame } from "@rookery/protocol/wire";
import { array, assert, constant, integer, oneof, property, record } from "fast-check";
import { inject, it } from "vitest";
import { createFollowing } from "./channel.ts";
import type { FollowingEvents } from "./channel.ts";
import { joinedOf, messageOf } from "./fake-world.fixture.ts";

const PAGE = 3;
const step = oneof(
  { weight: 4, arbitrary: record({ do: constant("say" as const) }) },
  { weight: 3, arbitrary: record({ do: constant("deliver" as const) }) },
  record({ do: constant("drop" as const) }),
  record({ do: constant("tellGap" as const), back: integer({ min: 0, max: 4 }) }),
  { weight: 3, arbitrary: record({ do: constant("answer" as const) }) },
  record({ do: constant("cut" as const) }),
  record({ do: constant("forget" as const), most: integer({ min: 0, max: 6 }) }),
);

it("a channel hands on each position once, in order, or tells of it as a gap", () => {
  assert(
    property(array(step, { maxLength: 120 }), (steps) => {
      const told: (number | readonly [number, number])[] = [];
      /** What the edge has to say, in its order. */
      let wire: SequencedFrame[] = [];
      let answers: (() => void)[] = [];
      let head = 0;
      /** Below it, the edge cannot show that nothing is missing. */
      let known = 0;
      const after = (seq: number): SequencedFrame[] =>
        Array.from({ length: Math.max(0, head - seq) }, (_, n) => messageOf(seq + 1 + n));
      const ask: FollowingEvents["page"] = ({ seq }, answered) => {
        answers.push(() => {
          const rest = after(seq);
          answered({ type: "ok", ref: "r", channel: "lobby", messages: rest.slice(0, PAGE), more: rest.length > PAGE });
        });
      };
      const following = createFollowing({
        join: () =>
          void answers.push(() => {
            const seq = following.cursor()?.seq ?? -1;
            const recovered = seq >= known;
            const rest = recovered ? after(seq) : after(head - PAGE);
            const messages = recovered ? rest.slice(0, PAGE) : rest;
            following.joined(
              joinedOf("lobby", {
                recovered,
                messages,
                more: recovered && rest.length > PAGE,
                head: { epoch: 1, seq: head },
              }),
            );
          }),
        page: ask,
        next: ({ seq }) => void told.push(seq),
        late: () => undefined,
        restarted: () => undefined,
        gap: ({ seq: from }, { seq: to }) => void told.push([from, to]),
        live: () => undefined,
        out: ({ code }) => {
          throw new Error(`out: ${code}`);
        },
      });
      following.open({ epoch: 1, seq: 0 });
      for (const each of steps) {
        if (each.do === "say") wire.push(messageOf((head += 1)));
        else if (each.do === "deliver") {
          const [frame] = wire.splice(0, 1);
          if (frame !== undefined) following.hear(frame);
        } else if (each.do === "drop") wire.splice(0, 1);
        else if (each.do === "tellGap") {
          const from = Math.max(1, head - each.back);
          if (head > 0 && (following.cursor()?.seq ?? 0) < from)
            following.hear({
              type: "gap",
              channel: "lobby",
              from: { epoch: 1, seq: from },
              to: { epoch: 1, seq: head },
            });
        } else if (each.do === "answer") answers.splice(0, 1).forEach((answer) => answer());
        else if (each.do === "forget") known = Math.max(known, head - each.most);
        else {
          following.lost();
          [wire, answers] = [[], []];
          following.open(undefined);
        }
      }
      // The rest of what is on its way arrives, and one frame more, behind which nothing is missing.
      wire.splice(0).forEach(following.hear);
      following.hear(messageOf((head += 1)));
      for (let rounds = 0; answers.length > 0 && rounds < 1_000; rounds += 1)
        answers.splice(0, 1).forEach((go) => go());
      let at = 0;
      for (const item of told) {
        const [from, to] = typeof item === "number" ? [item, item] : item;
        if (from !== at + 1) throw new Error(`${from} came behind ${at}: ${JSON.stringify(told)}`);
        at = to;
      }
      if (following.phase() !== "live" || at !== head) throw new Error(`${following.phase()} at ${at} of ${head}`);
    }),
    { numRuns: 300 * inject("fuzzTimes") },
  );
});
