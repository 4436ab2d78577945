// Proves every rule on a hand-made bad history that it must reject, and that honest histories pass all of them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkHistories, describeViolations, rules } from "./checker.ts";
import type { RuleName } from "./checker.ts";
import type { Position } from "./client-frame.ts";
import type { Row } from "./evidence.ts";
import { createHistory, readHistory } from "./history.ts";
import type { FrameFacts, History, Via } from "./history.ts";

const channel = "general";
const at = (seq: number, epoch = 1): Position => ({ epoch, seq });

/** Writes a history in few words. Message `m3` is what clientId `c3` of its user became. */
const script = (user: string): History & Script => {
  const history = createHistory({ client: user, user });
  let session = 1;
  let page = 0;
  const add: History["add"] = (event) => history.add(event, history.events.length);
  const frame = (position: Position, facts: Partial<FrameFacts>, via: Via): void => {
    const clientId = `c${position.seq}`;
    const base = { type: "message", id: `m${position.seq}`, clientId, user: "ann", body: `text ${clientId}` };
    add({ kind: "frame", session, channel, via, ...(via === "live" ? {} : { page }), ...base, ...facts, ...position });
  };
  return {
    ...history,
    start: (head, more) => {
      page += 1;
      add({ kind: "start", session, channel, head, recovered: more?.after !== undefined, ...more });
    },
    send: (seq) => add({ kind: "send", session, channel, clientId: `c${seq}`, body: `text c${seq}` }),
    ok: (position, id = `m${position.seq}`, clientId = `c${position.seq}`) =>
      add({ kind: "ok", channel, clientId, id, ...position }),
    refused: (seq) => add({ kind: "refused", channel, clientId: `c${seq}`, code: "rate_limited" }),
    unknown: (seq) => add({ kind: "unknown", channel, clientId: `c${seq}` }),
    live: (position, facts = {}) => frame(position, facts, "live"),
    page: (...positions) => {
      page += 1;
      const askedAt = history.events.length;
      for (const position of positions) frame(position, { askedAt }, "forward");
    },
    level: () => add({ kind: "level", session, channel }),
    gap: (from, to, lost) => add({ kind: "gap", session, channel, from, to, ...(lost === true ? { lost } : {}) }),
    closed: () => {
      add({ kind: "closed", session, code: 1006 });
      session += 1;
    },
    coming: (who, what, atMs = history.events.length) =>
      history.add({ kind: "coming", session, channel, user: who, what }, atMs),
  };
};

interface Script {
  start: (head: Position, more?: { after?: Position; recovered?: boolean; more?: boolean }) => void;
  send: (seq: number) => void;
  ok: (position: Position, id?: string, clientId?: string) => void;
  refused: (seq: number) => void;
  unknown: (seq: number) => void;
  live: (position: Position, facts?: Partial<FrameFacts>) => void;
  page: (...positions: Position[]) => void;
  level: () => void;
  gap: (from: Position, to: Position, lost?: boolean) => void;
  closed: () => void;
  coming: (user: string, what: "joined" | "left", atMs?: number) => void;
}

const row = (position: Position, more: Partial<Row> = {}): Row => {
  const clientId = `c${position.seq}`;
  return { channel, id: `m${position.seq}`, clientId, author: "ann", body: `text ${clientId}`, ...position, ...more };
};

const reaction = (position: Position, on: boolean, more: Partial<Row> = {}): Row =>
  row(position, { type: "reaction", id: "m1", author: "bob", body: null, emoji: "👍", on, ...more });

/** Ann sends messages at positions 1 to `count` and sees them all. */
const annSends = (count: number): ReturnType<typeof script> => {
  const ann = script("ann");
  ann.start(at(0, 0));
  for (let seq = 1; seq <= count; seq += 1) {
    ann.send(seq);
    ann.ok(at(seq));
    ann.live(at(seq));
  }
  return ann;
};

const rowsUpTo = (count: number): Row[] => Array.from({ length: count }, (_, index) => row(at(index + 1)));

/** Bob has joined at the beginning and has seen messages 1 to `count`. */
const bobSees = (count: number): ReturnType<typeof script> => {
  const bob = script("bob");
  bob.start(at(0, 0));
  for (let seq = 1; seq <= count; seq += 1) bob.live(at(seq));
  return bob;
};

/** They are in the channel of which the others are told. */
const joinedAlone = (user: string): ReturnType<typeof script> => {
  const one = script(user);
  one.start(at(0, 0));
  return one;
};

const bad: Record<RuleName, () => Parameters<typeof checkHistories>[0]> = {
  "a refused send is seen": () => {
    const ann = annSends(1);
    ann.send(2);
    ann.refused(2);
    return { clients: [ann], rows: [...rowsUpTo(1), row(at(2))] };
  },
  "an acknowledged message is missing": () => ({ clients: [annSends(3)], rows: rowsUpTo(2) }),
  "one id at two positions": () => {
    const bob = bobSees(2);
    bob.live(at(3), { id: "m2", clientId: "c2" });
    return { clients: [annSends(2), bob] };
  },
  "two messages at one position": () => ({
    clients: [annSends(2)],
    rows: [row(at(1)), row(at(2), { id: "other" })],
  }),
  "one send became two messages": () => {
    const bob = bobSees(2);
    bob.live(at(3), { id: "again", clientId: "c2" });
    return { clients: [annSends(2), bob] };
  },
  "a jump without a gap": () => {
    const bob = bobSees(1);
    bob.live(at(3));
    return { clients: [annSends(3), bob], rows: rowsUpTo(3) };
  },
  "going back": () => {
    const bob = bobSees(3);
    bob.live(at(2));
    return { clients: [annSends(3), bob], rows: rowsUpTo(3) };
  },
  "one sender's order inverted": () => {
    const ann = script("ann");
    ann.start(at(0, 0));
    ann.send(1);
    ann.send(2);
    ann.ok(at(1), "m2", "c2");
    ann.ok(at(2), "m1", "c1");
    return { clients: [ann] };
  },
  "a message nobody sent": () => ({ clients: [annSends(2)], rows: [...rowsUpTo(2), row(at(3), { author: "eve" })] }),
  "an acknowledged change is missing": () => {
    const ann = annSends(1);
    ann.add({ kind: "changed", channel, id: "m1", ...at(2) });
    return { clients: [ann], rows: rowsUpTo(1) };
  },
  "a deleted message is shown": () => {
    const bob = bobSees(1);
    bob.live(at(2), { type: "deleted", id: "m1" });
    bob.page(at(1));
    return { clients: [annSends(1), bob] };
  },
  "an edit by another": () => {
    const bob = bobSees(1);
    bob.live(at(2), { type: "edited", id: "m1", user: "eve", body: "forged" });
    return { clients: [annSends(1), bob] };
  },
  "one reaction stands twice": () => ({
    clients: [annSends(1)],
    rows: [...rowsUpTo(1), reaction(at(2), true), reaction(at(3), true)],
  }),
  "somebody comes or goes out of turn": () => {
    const bob = bobSees(0);
    for (const what of ["joined", "left", "joined", "joined"] as const) bob.coming("eve", what);
    return { clients: [bob], signals: "whole" };
  },
  "somebody left who is there": () => {
    const bob = bobSees(0);
    bob.coming("eve", "left", 5_000);
    return { clients: [bob, joinedAlone("eve")], signals: "whole" };
  },
  "presence or delivery beyond its bound": () => {
    const bob = bobSees(1);
    bob.add({ kind: "bound", what: "delivery", user: "bob", withinMs: 2_000 }, 10_000);
    bob.live(at(2), { sentAtMs: 12_500 });
    return { clients: [annSends(2), bob], rows: rowsUpTo(2) };
  },
};

const broken = (options: Parameters<typeof checkHistories>[0]): string[] => [
  ...new Set(checkHistories(options).map(({ rule }) => rule)),
];

describe("the checker rejects", () => {
  it.each(Object.keys(rules))("%s", (rule) => {
    const make = Object.entries(bad).find(([name]) => name === rule)?.[1];
    expect(make === undefined ? [] : broken(make())).toContain(rule);
  });

  it("an acknowledged message that a joined client never got, though nothing follows it", () => {
    expect(broken({ clients: [annSends(3), bobSees(2)], rows: rowsUpTo(3) })).toEqual([
      "an acknowledged message is missing",
    ]);
  });

  it("a gap that was told and could have been read, but was never filled", () => {
    const bob = bobSees(1);
    bob.gap(at(2), at(2));
    bob.live(at(3));
    expect(broken({ clients: [annSends(3), bob] })).toEqual(["an acknowledged message is missing"]);
  });

  it("a hole in the pages of a resumed session", () => {
    const bob = bobSees(1);
    bob.closed();
    bob.start(at(4), { after: at(1) });
    bob.page(at(2), at(4));
    expect(broken({ clients: [annSends(4), bob] })).toContain("a jump without a gap");
  });

  it("an epoch that goes on elsewhere than where the client stood, untold", () => {
    const bob = bobSees(3);
    bob.live(at(3, 2), { id: "x3", clientId: "x3", prev: at(2) });
    const found = checkHistories({ clients: [annSends(3), bob] });
    expect(describeViolations(found)).toContain("1-3 was taken back untold");
  });

  it("an epoch whose predecessor the client never saw", () => {
    const bob = bobSees(2);
    bob.live(at(4, 2), { prev: at(3) });
    expect(describeViolations(checkHistories({ clients: [annSends(3), bob] }))).toContain("bob in general: 1-3");
  });

  it("an epoch that does not say what it follows", () => {
    const bob = bobSees(2);
    bob.live(at(3, 2));
    expect(describeViolations(checkHistories({ clients: [annSends(3), bob] }))).toContain("without prev");
  });

  it("a page that is out of order", () => {
    const bob = script("bob");
    bob.start(at(2), { after: at(0, 0) });
    bob.page(at(2), at(1));
    expect(broken({ clients: [annSends(2), bob] })).toEqual(["going back"]);
  });

  it("another text than was sent", () => {
    expect(broken({ clients: [annSends(1)], rows: [row(at(1), { body: "forged" })] })).toEqual([
      "a message nobody sent",
    ]);
  });

  it("the text of an edit, after its message was deleted", () => {
    const bob = bobSees(1);
    bob.live(at(2), { type: "edited", id: "m1", body: "new" });
    bob.live(at(3), { type: "deleted", id: "m1" });
    bob.add(
      {
        kind: "frame",
        session: 1,
        channel,
        via: "forward",
        page: 9,
        askedAt: 4,
        type: "edited",
        id: "m1",
        user: "ann",
        body: "new",
        ...at(2),
      },
      9,
    );
    expect(broken({ clients: [annSends(1), bob] })).toEqual(["a deleted message is shown"]);
  });

  it("a reaction that is taken back and never stood", () => {
    expect(broken({ clients: [annSends(1)], rows: [...rowsUpTo(1), reaction(at(2), false)] })).toEqual([
      "one reaction stands twice",
    ]);
  });

  it("a user who is still shown after the bound", () => {
    const bob = bobSees(0);
    bob.add({ kind: "bound", what: "presence", user: "ann", withinMs: 10_000 }, 1_000);
    bob.add({ kind: "present", channel, user: "ann" }, 12_000);
    expect(broken({ clients: [bob] })).toEqual(["presence or delivery beyond its bound"]);
  });

  it("a message of somebody who may say nothing any more", () => {
    const bob = bobSees(1);
    bob.add({ kind: "bound", what: "sending", user: "ann", withinMs: 2_000 }, 10_000);
    bob.live(at(2), { sentAtMs: 12_500 });
    expect(broken({ clients: [annSends(2), bob], rows: rowsUpTo(2) })).toEqual([
      "presence or delivery beyond its bound",
    ]);
  });

  it("a message that a failover took back, in safe mode or when nobody was told", () => {
    const run = takenBackRun(true);
    expect(broken({ ...run, mode: "safe" })).toEqual(["an acknowledged message is missing"]);
    expect(broken(takenBackRun(false))).toContain("an acknowledged message is missing");
  });
});

/** Message 3 is acknowledged, then a failover continues after 2. */
const takenBackRun = (told: boolean): { clients: History[]; rows: Row[] } => {
  const ann = annSends(3);
  if (told) ann.gap(at(3), at(3), true);
  ann.send(30);
  ann.ok(at(3, 2), "m30", "c30");
  ann.live(at(3, 2), { id: "m30", clientId: "c30", body: "text c30", prev: at(2) });
  const last = row(at(3, 2), { id: "m30", clientId: "c30", body: "text c30", prev: at(2) });
  return { clients: [ann], rows: [...rowsUpTo(2), last] };
};

/** Empty when the checker has nothing to say. */
const verdict = (options: Parameters<typeof checkHistories>[0]): string => describeViolations(checkHistories(options));

describe("the checker accepts", () => {
  it("a plain run", () => {
    expect(verdict({ clients: [annSends(5), bobSees(5)], rows: rowsUpTo(5) })).toBe("");
  });

  it("a client that joined later, and one that left earlier", () => {
    const late = script("late");
    late.start(at(3));
    late.live(at(4));
    const early = bobSees(2);
    early.closed();
    expect(verdict({ clients: [annSends(4), late, early], rows: rowsUpTo(4) })).toBe("");
  });

  it("live frames that overtake a join reply and its pages", () => {
    const bob = script("bob");
    bob.live(at(4));
    bob.start(at(4), { after: at(0, 0), more: true });
    bob.page(at(1), at(2));
    bob.live(at(5));
    bob.page(at(3), at(4));
    bob.level();
    expect(verdict({ clients: [annSends(5), bob], rows: rowsUpTo(5) })).toBe("");
  });

  it("a client that was cut between live frames and the pages before them", () => {
    const bob = bobSees(1);
    bob.closed();
    bob.live(at(5));
    bob.start(at(5), { after: at(1), more: true });
    bob.page(at(2));
    bob.closed();
    expect(verdict({ clients: [annSends(5), bob], rows: rowsUpTo(5) })).toBe("");
  });

  it("an unknown send that was repeated, applied once and answered as a duplicate", () => {
    const ann = script("ann");
    ann.start(at(0, 0));
    ann.send(1);
    ann.unknown(1);
    ann.closed();
    ann.start(at(1), { after: at(0, 0) });
    ann.page(at(1));
    ann.send(1);
    ann.ok(at(1));
    expect(verdict({ clients: [ann], rows: rowsUpTo(1) })).toBe("");
  });

  it("a send that was unknown, then refused, and yet applied", () => {
    const ann = script("ann");
    ann.start(at(0, 0));
    ann.send(1);
    ann.unknown(1);
    ann.send(1);
    ann.refused(1);
    ann.live(at(1));
    expect(verdict({ clients: [ann], rows: rowsUpTo(1) })).toBe("");
  });

  it("a gap that was filled afterwards", () => {
    const bob = bobSees(1);
    bob.gap(at(2), at(3));
    bob.live(at(4));
    bob.page(at(2), at(3));
    expect(verdict({ clients: [annSends(4), bob], rows: rowsUpTo(4) })).toBe("");
  });

  it("a break that the server admitted", () => {
    const bob = bobSees(1);
    bob.closed();
    bob.start(at(3), { after: at(1), recovered: false });
    bob.live(at(4));
    expect(verdict({ clients: [annSends(4), bob], rows: rowsUpTo(4) })).toBe("");
  });

  it("an epoch that continues where the last one ended", () => {
    const bob = bobSees(2);
    bob.live(at(3, 2), { prev: at(2) });
    const ann = annSends(2);
    ann.send(3);
    ann.ok(at(3, 2));
    ann.live(at(3, 2), { prev: at(2) });
    expect(verdict({ clients: [ann, bob], rows: [...rowsUpTo(2), row(at(3, 2), { prev: at(2) })] })).toBe("");
  });

  it("acknowledged messages that a failover took back and whose holders were told", () => {
    expect(verdict(takenBackRun(true))).toBe("");
  });

  it("edits, whose rows hold the new text, and deletes, whose rows hold none", () => {
    const ann = annSends(2);
    ann.live(at(3), { type: "edited", id: "m1", body: "new" });
    ann.live(at(4), { type: "deleted", id: "m2" });
    const rows = [row(at(1), { body: "new" }), row(at(2), { body: null })];
    expect(
      verdict({
        clients: [ann],
        rows: [...rows, row(at(3), { type: "edited", id: "m1" }), row(at(4), { type: "deleted", id: "m2" })],
      }),
    ).toBe("");
  });

  it("a deleted message in a page that was asked for before it was deleted", () => {
    const bob = bobSees(1);
    bob.live(at(2), { type: "deleted", id: "m1" });
    bob.add(
      {
        kind: "frame",
        session: 1,
        channel,
        via: "folded",
        page: 9,
        askedAt: 2,
        type: "message",
        id: "m1",
        clientId: "c1",
        user: "ann",
        body: "text c1",
        ...at(1),
      },
      9,
    );
    expect(verdict({ clients: [annSends(1), bob] })).toBe("");
  });

  it("reactions that come and go, of several people and with several emoji", () => {
    const rows = [
      ...[reaction(at(2), true), reaction(at(3), true, { author: "eve" }), reaction(at(4), true, { emoji: "🎉" })],
      ...[reaction(at(5), false), reaction(at(6), true)],
    ];
    expect(verdict({ clients: [annSends(1)], rows: [...rowsUpTo(1), ...rows] })).toBe("");
  });

  it("an acknowledged change that a failover took back", () => {
    const ann = annSends(1);
    ann.add({ kind: "changed", channel, id: "m1", ...at(2) });
    const next = row(at(2, 2), { id: "m2", clientId: "c2", body: "text c2", prev: at(1) });
    ann.send(2);
    expect(verdict({ clients: [ann], rows: [...rowsUpTo(1), next] })).toBe("");
    expect(broken({ clients: [ann], rows: [...rowsUpTo(1), next], mode: "safe" })).toEqual([
      "an acknowledged change is missing",
    ]);
  });

  it("comings in turns, those after an absence of one's own, and a leave that is overtaken by a return", () => {
    const bob = bobSees(0);
    for (const what of ["joined", "left", "joined"] as const) bob.coming("eve", what);
    bob.closed();
    bob.start(at(0, 0));
    bob.coming("eve", "joined");
    bob.coming("eve", "left", 5_000);
    const eve = script("eve");
    eve.add({ kind: "start", session: 1, channel, head: at(0, 0), recovered: false }, 4_900);
    const other = joinedAlone("eve");
    other.add({ kind: "leave", session: 1, channel }, 4_000);
    expect(verdict({ clients: [bob, eve, other], signals: "whole" })).toBe("");
  });

  it("whatever is told of comings where signals may have been lost", () => {
    const bob = bobSees(0);
    bob.coming("eve", "left", 5_000);
    bob.coming("eve", "left", 6_000);
    expect(verdict({ clients: [bob, joinedAlone("eve")] })).toBe("");
  });

  it("frames that were published before the bound and after its end", () => {
    const bob = bobSees(0);
    bob.add({ kind: "bound", what: "delivery", user: "bob", withinMs: 2_000, untilMs: 20_000 }, 10_000);
    bob.live(at(1), { sentAtMs: 11_900 });
    bob.live(at(2), { sentAtMs: 20_001 });
    expect(verdict({ clients: [annSends(2), bob], rows: rowsUpTo(2) })).toBe("");
  });
});

describe("a history file", () => {
  it("gives back what was written", () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-history-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "ann.jsonl");
    const history = createHistory({ client: "ann-1", user: "ann", file });
    history.add({ kind: "send", session: 1, channel, clientId: "c1", body: "text c1" }, 5);
    history.add({ kind: "closed", session: 1, code: 1006 }, 6);
    expect(readHistory(file)).toEqual({ client: "ann-1", user: "ann", events: history.events });
  });
});
