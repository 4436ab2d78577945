import { ChatError } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import { expect, test } from "vitest";
import { lastJudgement, lastJudgementOf, Verdicts, whenOpen } from "./last-judgement.ts";
import { ALICE, sessionOn } from "../session.fixture.ts";

const GRANT: Grant = { role: "member", can: ["join", "read"], version: 1, slowModeMs: 0, mutedUntilMs: undefined };
const BANNED = new ChatError("banned", "banned", { channel: "lobby" });

/** `remembered` and `read`: what memory and stores say, now and then. */
function rig() {
  const said: { remembered: Grant | ChatError | undefined; read: Grant | ChatError } = {
    remembered: GRANT,
    read: GRANT,
  };
  const asked: string[] = [];
  const doors: { opening: Promise<void> | undefined } = { opening: undefined };
  const edge = {
    control: {
      gate: { isAllOpen: () => doors.opening === undefined, whenOpen: () => doors.opening },
    },
    partitions: { of: () => 1, ofUser: () => 1 },
    rights: {
      ...OPEN_RIGHTS,
      remembered: () => said.remembered,
      cached({ channel }: { channel: string }) {
        asked.push(channel);
        return said.read instanceof ChatError ? Promise.reject(said.read) : Promise.resolve(said.read);
      },
    },
  };
  return { edge, said, asked, doors };
}

const notAsked = (): never => {
  throw new Error("this was not to be asked");
};
const OPEN_RIGHTS = {
  ...{ fresh: notAsked, cachedAll: notAsked, apply: notAsked, doubt: notAsked, rules: notAsked },
};

/** As commands ask: until nothing is left to wait for. */
async function settle(judge: () => Promise<unknown> | undefined): Promise<void> {
  for (let wait = judge(); wait !== undefined; wait = judge()) await wait;
}

test("what memory allows needs no wait and no question", () => {
  const { edge, asked } = rig();
  expect(lastJudgement(edge, "ann", "lobby", "join")()).toBeUndefined();
  expect(asked).toEqual([]);
});

test("a ban that was heard of while a command waited refuses it in the turn in which it would go on", () => {
  const { edge, said } = rig();
  const judge = lastJudgement(edge, "ann", "lobby", "join");
  expect(judge()).toBeUndefined();
  said.remembered = BANNED;
  expect(judge).toThrow(BANNED);
});

test("what memory does not know is read, and judged once more by what memory then says", async () => {
  const { edge, said, asked } = rig();
  said.remembered = undefined;
  const judge = lastJudgement(edge, "ann", "lobby", "join");
  const reading = judge();
  said.remembered = BANNED;
  await reading;
  expect(judge).toThrow(BANNED);
  expect(asked).toEqual(["lobby"]);
});

test("what memory never holds goes on by what was read a moment ago, and is not read for ever", async () => {
  const { edge, said, asked } = rig();
  said.remembered = undefined;
  await settle(lastJudgement(edge, "ann", "lobby", "join"));
  expect(asked).toEqual(["lobby"]);
});

test("a right that was taken away is refused by whatever the rights say of it", async () => {
  const { edge, said } = rig();
  said.read = new ChatError("muted", "muted", { channel: "lobby" });
  await expect(settle(lastJudgement(edge, "ann", "lobby", "write"))).rejects.toMatchObject({ code: "muted" });
});

test("while rights cannot be relied upon a reply waits, and is judged by what was heard of meanwhile", async () => {
  const { edge, said, doors } = rig();
  let open = (): void => undefined;
  doors.opening = new Promise((resolve) => (open = resolve));
  const settled = settle(lastJudgement(edge, "ann", "lobby", "history"));
  said.remembered = BANNED;
  doors.opening = undefined;
  open();
  await expect(settled).rejects.toBe(BANNED);
});

test("whoever was taken out of the channel meanwhile is told that they are not in it", () => {
  const { edge } = rig();
  const session = sessionOn({});
  session.identify(ALICE);
  session.channels.add("lobby");
  const judge = lastJudgementOf(edge, session, "lobby", "read");
  expect(judge()).toBeUndefined();
  session.channels.delete("lobby");
  expect(judge).toThrow("taken out");
});

test("of several each is refused by itself, and the others go on", async () => {
  const { edge, said } = rig();
  said.read = BANNED;
  const verdicts = new Verdicts(
    new Map([
      ["lobby", lastJudgement(edge, "ann", "lobby", "join")],
      ["attic", lastJudgement(edge, "ann", "attic", "write")],
    ]),
  );
  await settle(() => verdicts.pending());
  expect([...verdicts.refusals]).toEqual([["attic", BANNED]]);
});

test("a reply that is true in any case waits while nothing may be delivered, and is given in the end", async () => {
  const { edge, doors } = rig();
  const told: string[] = [];
  expect(whenOpen(edge, "lobby", () => void told.push("at once"))).toBeUndefined();
  let open = (): void => undefined;
  doors.opening = new Promise((resolve) => (open = resolve));
  const waited = whenOpen(edge, "lobby", () => void told.push("later"));
  expect(told).toEqual(["at once"]);
  open();
  await waited;
  doors.opening = Promise.reject(new ChatError("unavailable", "closed for too long"));
  await whenOpen(edge, "lobby", () => void told.push("all the same"));
  expect(told).toEqual(["at once", "later", "all the same"]);
});
