// The table of following a channel, row by row: what is asked, what is handed on, what is told as a gap.
import type { GapFrame, SequencedFrame } from "@rookery/protocol/wire";
import { describe, expect, it } from "vitest";
import { createFollowing } from "./channel.ts";
import type { Following, FollowingEvents } from "./channel.ts";
import { joinedOf, messageOf, refusalOf } from "./fake-world.fixture.ts";
import type { JoinAnswer } from "./fake-world.fixture.ts";

interface Scene extends Following {
  /** What was told, one word each. */
  readonly told: string[];
  /** Answers the page that was asked for. */
  readonly page: (messages: SequencedFrame[], more?: boolean) => void;
  readonly refusePage: (...refusal: Parameters<typeof refusalOf>) => void;
  readonly answer: (answer?: JoinAnswer) => void;
  readonly seqs: (...seqs: number[]) => void;
}

function follow(): Scene {
  const told: string[] = [];
  let asked: Parameters<FollowingEvents["page"]>[1] | undefined;
  const seqsOf = (frames: readonly SequencedFrame[]): string => frames.map(({ seq }) => seq).join(",");
  const following = createFollowing({
    join: () => void told.push("join"),
    page(after, answered) {
      told.push(`page after ${after.epoch}-${after.seq}`);
      asked = answered;
    },
    next: ({ seq }) => void told.push(`next ${seq}`),
    late: (frames) => void told.push(`late ${seqsOf(frames)}`),
    restarted: (frames, more) => void told.push(`restarted ${seqsOf(frames)}${more ? " and more" : ""}`),
    gap: (from, to, lost) =>
      void told.push(`gap ${from.epoch}-${from.seq} to ${to.epoch}-${to.seq}${lost ? " lost" : ""}`),
    live: () => void told.push("live"),
    out: ({ code }) => void told.push(`out ${code}`),
  });
  const take = (): Parameters<FollowingEvents["page"]>[1] => {
    if (asked === undefined) throw new Error("no page was asked for");
    const answered = asked;
    asked = undefined;
    return answered;
  };
  return {
    ...following,
    told,
    page: (messages, more = false) => take()({ type: "ok", ref: "r", channel: "lobby", messages, more }),
    refusePage: (...refusal) => take()({ ...refusalOf(...refusal), ref: "r" }),
    answer: (answer) => following.joined(joinedOf("lobby", answer)),
    seqs: (...seqs) => seqs.forEach((seq) => following.hear(messageOf(seq))),
  };
}

/** Caught up at seq 3 of epoch 1. */
function live(): Scene {
  const scene = follow();
  scene.open(undefined);
  scene.answer({ messages: [messageOf(3)] });
  scene.told.length = 0;
  return scene;
}

const gapOf = (from: number, to: number, lost?: true): GapFrame => ({
  ...{ type: "gap", channel: "lobby", from: { epoch: 1, seq: from }, to: { epoch: 1, seq: to } },
  ...(lost && { lost }),
});

describe("following a channel", () => {
  it("joins with a session, begins with the newest page, and hands on what follows", () => {
    const scene = follow();
    expect(scene.phase()).toBe("away");
    scene.seqs(1);
    scene.open(undefined);
    expect(scene.phase()).toBe("joining");
    scene.answer({ messages: [messageOf(2), messageOf(3)], more: true });
    scene.seqs(4);
    expect(scene.told).toEqual(["join", "restarted 2,3 and more", "live", "next 4"]);
    expect(scene.cursor()).toEqual({ epoch: 1, seq: 4 });
  });

  it("goes on after where it was told to begin, page by page until there is no more", () => {
    const scene = follow();
    scene.open({ epoch: 0, seq: 0 });
    scene.answer({ recovered: true, messages: [messageOf(1)], more: true, head: { epoch: 1, seq: 9 } });
    scene.page([], true);
    scene.page([messageOf(2), messageOf(3)], true);
    scene.page([messageOf(4)]);
    expect(scene.told).toEqual([
      ...["join", "next 1", "page after 1-1", "page after 1-1", "next 2", "next 3", "page after 1-3", "next 4", "live"],
    ]);
  });

  it("holds what comes ahead of its reply and its pages, and merges it by position", () => {
    const scene = follow();
    scene.open({ epoch: 1, seq: 1 });
    scene.seqs(7, 6, 5, 4);
    scene.answer({ recovered: true, messages: [messageOf(2)], more: true });
    scene.seqs(8);
    scene.page([messageOf(3), messageOf(4)]);
    expect(scene.told).toEqual([
      "join",
      "next 2",
      "page after 1-2",
      "next 3",
      "next 4",
      "next 5",
      "next 6",
      "next 7",
      "next 8",
      "live",
    ]);
  });

  it("forgets what it held for a join that was refused, and stays out", () => {
    const scene = follow();
    scene.open(undefined);
    scene.seqs(1);
    scene.joined(refusalOf("banned"));
    scene.seqs(2);
    scene.open(undefined);
    scene.lost();
    expect(scene.told).toEqual(["join", "out banned"]);
    expect(scene.phase()).toBe("out");
  });

  it("joins again after each loss, with the position that it has, from every state", () => {
    for (const phase of ["live", "paging"]) {
      const scene = live();
      if (phase === "paging") scene.seqs(9);
      expect(scene.phase()).toBe(phase);
      scene.lost();
      expect(scene.phase()).toBe("away");
      scene.seqs(4);
      scene.told.length = 0;
      scene.open(undefined);
      expect(scene.cursor()).toEqual({ epoch: 1, seq: 3 });
      scene.answer({ recovered: true, messages: [messageOf(4)] });
      expect(scene.told).toEqual(["join", "next 4", "live"]);
    }
  });

  it("drops what it has handed on already", () => {
    const scene = live();
    scene.seqs(3, 2, 4, 4);
    expect(scene.told).toEqual(["next 4"]);
  });

  it("reads a hole that nobody told of", () => {
    const scene = live();
    scene.seqs(6, 7);
    expect(scene.phase()).toBe("paging");
    scene.page([messageOf(4), messageOf(5), messageOf(6)]);
    expect(scene.told).toEqual(["page after 1-3", "next 4", "next 5", "next 6", "next 7", "live"]);
  });

  it("tells of a hole that the past does not fill as lost", () => {
    const scene = live();
    scene.seqs(6);
    scene.page([messageOf(4)]);
    expect(scene.told).toEqual(["page after 1-3", "next 4", "gap 1-5 to 1-5 lost", "next 6", "live"]);
  });

  it("reads what a gap tells of, once more for one that was told while it read", () => {
    const scene = live();
    scene.hear(gapOf(4, 5));
    scene.hear(gapOf(6, 7));
    scene.page([messageOf(4), messageOf(5)]);
    scene.page([messageOf(6), messageOf(7)]);
    expect(scene.told).toEqual(["page after 1-3", "next 4", "next 5", "page after 1-5", "next 6", "next 7", "live"]);
  });

  it("tells of what is lost ahead, and goes on behind it", () => {
    const scene = live();
    scene.hear(gapOf(4, 5, true));
    scene.page([messageOf(6, { prev: { epoch: 1, seq: 3 } })]);
    expect(scene.told).toEqual(["gap 1-4 to 1-5 lost", "page after 1-3", "next 6", "live"]);
  });

  it("tells of what was taken back, and does not move for it", () => {
    const scene = live();
    scene.hear(gapOf(2, 3, true));
    scene.seqs(4);
    expect(scene.told).toEqual(["gap 1-2 to 1-3 lost", "next 4"]);
  });

  it("reads a gap below its position on the side, page by page, and stays live", () => {
    const scene = live();
    scene.hear(gapOf(1, 2));
    scene.page([messageOf(1)], true);
    scene.seqs(4);
    scene.page([messageOf(2), messageOf(3)], true);
    expect(scene.told).toEqual([
      ...["gap 1-1 to 1-2", "page after 1-0", "late 1", "page after 1-1", "next 4", "late 2"],
    ]);
  });

  it("keeps a gap below its position in mind over a lost session, and one that comes while it pages", () => {
    const scene = live();
    scene.hear(gapOf(1, 2));
    scene.lost();
    scene.open(undefined);
    scene.hear(gapOf(1, 1));
    scene.told.length = 0;
    scene.answer({ recovered: true });
    scene.page([messageOf(1), messageOf(2)]);
    scene.page([messageOf(1)]);
    expect(scene.told).toEqual(["live", "page after 1-0", "late 1,2", "page after 1-0", "late 1"]);
  });

  it("gives up a gap below its position that cannot be read", () => {
    const scene = live();
    scene.hear(gapOf(1, 2));
    scene.refusePage("not_found");
    scene.hear(gapOf(2, 2));
    expect(scene.told).toEqual(["gap 1-1 to 1-2", "page after 1-0", "late ", "gap 1-2 to 1-2", "page after 1-1"]);
  });

  it("begins anew where nobody can show that nothing is missing, and says what its streams do not hold", () => {
    const scene = live();
    scene.lost();
    scene.open(undefined);
    scene.seqs(9);
    scene.answer({ messages: [messageOf(7), messageOf(8)], more: true });
    expect(scene.told).toEqual(["join", "gap 1-4 to 1-8", "restarted 7,8 and more", "next 9", "live"]);
  });

  it("is not deaf after a restored backup: what the channel does not know any more is told as lost", () => {
    const scene = live();
    scene.seqs(4, 5, 6);
    scene.lost();
    scene.told.length = 0;
    scene.open(undefined);
    scene.answer({ messages: [messageOf(4)] });
    scene.hear(messageOf(5, { epoch: 2 }));
    expect(scene.told).toEqual(["join", "gap 1-5 to 1-6 lost", "restarted 4", "live", "next 5"]);
  });

  it("forgets, where it begins anew, what was missing before", () => {
    const scene = live();
    scene.hear(gapOf(1, 2));
    scene.lost();
    scene.open(undefined);
    scene.told.length = 0;
    scene.answer({ messages: [messageOf(3)] });
    expect(scene.told).toEqual(["restarted 3", "live"]);
  });

  it("names no gap where it stands just where the channel does", () => {
    const scene = live();
    scene.lost();
    scene.open(undefined);
    scene.answer({ messages: [messageOf(3)] });
    expect(scene.told).toEqual(["join", "restarted 3", "live"]);
  });

  it("follows a new epoch, also one that steps back to what it follows", () => {
    const scene = live();
    scene.hear(messageOf(4, { epoch: 2 }));
    scene.hear(messageOf(2, { epoch: 3, prev: { epoch: 2, seq: 4 } }));
    scene.hear(messageOf(3, { epoch: 3 }));
    expect(scene.told).toEqual(["next 4", "next 2", "next 3"]);
    scene.hear(messageOf(9, { epoch: 4, prev: { epoch: 3, seq: 8 } }));
    expect(scene.phase()).toBe("paging");
  });

  it.each(["not_found", "not_joined"] as const)("joins again where its position is %s", (code) => {
    const scene = live();
    scene.seqs(5);
    scene.refusePage(code);
    expect(scene.told).toEqual(["page after 1-3", "join"]);
    expect(scene.phase()).toBe("joining");
  });

  it("is out when it may not read on", () => {
    const scene = live();
    scene.seqs(5);
    scene.refusePage("forbidden");
    expect(scene.told).toEqual(["page after 1-3", "out forbidden"]);
  });

  it("hears nothing once it was left", () => {
    const scene = live();
    scene.seqs(5);
    scene.leave();
    scene.page([messageOf(4)]);
    scene.seqs(6);
    scene.open(undefined);
    scene.answer();
    expect(scene.told).toEqual(["page after 1-3"]);
  });

  it("holds so much and no more: the rest is read from the past", () => {
    const scene = live();
    for (let seq = 5; seq <= 1_100; seq += 1) scene.seqs(seq);
    scene.page([messageOf(4)]);
    expect(scene.told).toEqual(["page after 1-3", "next 4", "page after 1-4"]);
    scene.page(Array.from({ length: 1_096 }, (_, n) => messageOf(n + 5)));
    expect(scene.cursor()).toEqual({ epoch: 1, seq: 1_100 });
    expect(scene.told.at(-1)).toBe("live");
  });
});
