import { compareEntryIds } from "@rookery/broker";
import type { EntryId, NumberedControl } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { expect, test } from "vitest";
import { createFollowing } from "./following.ts";
import type { Look } from "./following.ts";

const P = 3;
const at = (number: number, epoch = 100): EntryId => ({ epoch, number });

function numbered(number: number, epoch = 100): NumberedControl {
  const order = { kind: "user", user: `u${number}`, frame: "{}", close: null } as const;
  return { partition: P, number: at(number, epoch), control: order };
}

const look = (number: number, more: Partial<Look> = {}): Look => ({
  ...{ partition: P, control: at(number), serving: "one", askedAtMs: 1 },
  ...more,
});

/** `log`: what can be fetched; undefined: nothing is there any more. `store`: what reading anew ends with. */
interface Kept {
  log: NumberedControl[] | undefined | ChatError;
  store?: ChatError;
  isPostgresAway?: boolean;
}

function setUp(kept: Kept) {
  const told: string[] = [];
  let isSlow = false;
  let goOn = (): void => undefined;
  const following = createFollowing({
    log: {
      since(_partition, after) {
        told.push(`since ${after.epoch}-${after.number}`);
        const { log } = kept;
        if (log instanceof ChatError) return Promise.reject(log);
        return Promise.resolve(log?.filter(({ number }) => compareEntryIds(number, after) > 0));
      },
    },
    act(control) {
      told.push(`act ${control.kind === "user" ? control.user : control.kind}`);
      return isSlow ? new Promise((resolve) => (goOn = () => resolve(2))) : 1;
    },
    readAnew() {
      told.push("anew");
      return kept.store === undefined ? Promise.resolve(5) : Promise.reject(kept.store);
    },
    isPostgresAway: () => kept.isPostgresAway === true,
    confirm: (_partition, { number }, closed) => told.push(`confirm ${number}, closed ${closed}`),
    current: ({ askedAtMs }) => told.push(`current ${askedAtMs}`),
    lookNow: () => told.push("look"),
    fault: (_error, what) => told.push(what),
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const slow = (value: boolean): void => {
    isSlow = value;
  };
  return { following, told, settled, slow, finish: () => goOn() };
}

test("what is announced is acted upon and then confirmed, in the same turn", () => {
  const { following, told } = setUp({ log: [] });
  following.looked(look(0, { control: at(0, 0) }));
  following.announced(numbered(1));
  expect(told).toEqual(["current 1", "act u1", "confirm 1, closed 1"]);
});

test("a look whose last change is known says that what is known is current", () => {
  const { following, told } = setUp({ log: [] });
  following.looked(look(4));
  following.looked(look(4, { askedAtMs: 7 }));
  expect(told).toEqual(["confirm 4, closed 0", "current 1", "current 7"]);
});

test("a lost last message is shown by the look, fetched, acted upon, and only then is the look current", async () => {
  const { following, told, settled } = setUp({ log: [numbered(5), numbered(6)] });
  following.looked(look(4));
  told.length = 0;
  following.looked(look(6, { askedAtMs: 9 }));
  await settled();
  expect(told).toEqual([
    "since 100-4",
    ...["act u5", "confirm 5, closed 1", "act u6", "confirm 6, closed 1"],
    "current 9",
  ]);
});

test("one that comes behind a lost one waits for it", async () => {
  const { following, told, settled } = setUp({ log: [numbered(5), numbered(6)] });
  following.looked(look(4));
  following.announced(numbered(6));
  following.announced(numbered(7));
  await settled();
  expect(told.filter((each) => each.startsWith("act"))).toEqual(["act u5", "act u6", "act u7"]);
});

test("while one is being acted upon others wait, and a look is not current", async () => {
  const { following, told, settled, slow, finish } = setUp({ log: [] });
  following.looked(look(4));
  told.length = 0;
  slow(true);
  following.announced(numbered(5));
  slow(false);
  following.announced(numbered(6));
  following.looked(look(6));
  await settled();
  expect(told).toEqual(["act u5"]);
  finish();
  await settled();
  expect(told).toEqual(["act u5", "confirm 5, closed 2", "act u6", "confirm 6, closed 1", "current 1"]);
});

test("what is in the log no more is read anew with a look that is taken at once", async () => {
  const { following, told, settled } = setUp({ log: undefined });
  following.looked(look(4));
  following.announced(numbered(6));
  await settled();
  expect(told.slice(2)).toEqual(["since 100-4", "look"]);
  following.looked(look(6, { askedAtMs: 3 }));
  await settled();
  expect(told.slice(4)).toEqual(["anew", "confirm 6, closed 5", "current 3"]);
});

test("a log that does not answer leaves the look to the next one", async () => {
  const kept: Kept = { log: new ChatError("unavailable", "away") };
  const { following, told, settled } = setUp(kept);
  following.looked(look(4));
  following.looked(look(5));
  await settled();
  expect(told).not.toContain("act u5");
  kept.log = [numbered(5)];
  following.looked(look(5, { askedAtMs: 8 }));
  await settled();
  expect(told.slice(-2)).toEqual(["confirm 5, closed 1", "current 8"]);
});

test("another server: everything is read anew before the look is current", async () => {
  const { following, told, settled } = setUp({ log: [] });
  following.looked(look(4));
  told.length = 0;
  following.looked(look(2, { serving: "two", askedAtMs: 5 }));
  await settled();
  expect(told).toEqual(["anew", "confirm 2, closed 5", "current 5"]);
});

test("what cannot be read anew is tried with each look, and only an outage of Postgres lets what is remembered stand", async () => {
  const kept: Kept = { log: [], store: new ChatError("unavailable", "away") };
  const { following, told, settled } = setUp(kept);
  following.looked(look(4));
  told.length = 0;
  const again = "rights cannot be read anew; it is tried again with the next look";
  following.looked(look(4, { serving: "two", askedAtMs: 5 }));
  await settled();
  expect(told).toEqual(["anew", again]);
  kept.isPostgresAway = true;
  following.looked(look(4, { serving: "two", askedAtMs: 6 }));
  await settled();
  expect(told.slice(2)).toEqual(["anew", again, "current 6"]);
  delete kept.store;
  following.looked(look(4, { serving: "two", askedAtMs: 7 }));
  await settled();
  expect(told.slice(5)).toEqual(["anew", "confirm 4, closed 5", "current 7"]);
});
