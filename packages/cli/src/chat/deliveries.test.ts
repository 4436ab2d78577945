// Contract of getting one command through: the same frame again until its fate is known, and never for ever.
import { DEFAULT_LIMITS } from "@rookery/protocol";
import { expect, it } from "vitest";
import { createDeliveries } from "./deliveries.ts";

const frame = { type: "send", ref: "c1", channel: "lobby", clientId: "x", body: "hi" } as const;
const ok = { type: "ok", ref: "c1" } as const;
const later = {
  type: "error",
  ref: "c1",
  code: "rate_limited",
  message: "slow down",
  retry: "later",
  retryAfterMs: 40,
} as const;
const away = { type: "error", ref: "c1", code: "unavailable", message: "away", retry: "later" } as const;
const ask = { kind: "ask", frame };

it("a command waits for a connection, and is taken by the answer with its ref alone", () => {
  const deliveries = createDeliveries();
  expect(deliveries.begin(frame, undefined)).toEqual([]);
  expect(deliveries.opened(DEFAULT_LIMITS)).toEqual([ask]);
  expect(deliveries.answer({ ...ok, ref: "c0" })).toEqual([]);
  expect(deliveries.isIdle()).toBe(false);
  expect(deliveries.answer(ok)).toEqual([{ kind: "taken", frame, reply: ok }]);
  expect(deliveries.isIdle()).toBe(true);
  expect([deliveries.answer(ok), deliveries.opened(DEFAULT_LIMITS), deliveries.again()]).toEqual([[], [], []]);
});

it("is sent again on the next connection as it was, and given up once it was cut three times without a word", () => {
  const deliveries = createDeliveries();
  deliveries.begin(frame, DEFAULT_LIMITS);
  for (const code of [4000, 1006, 4001, 1006]) {
    expect(deliveries.lost(code)).toEqual([]);
    expect(deliveries.lost(1006)).toEqual([]);
    expect(deliveries.opened(DEFAULT_LIMITS)).toEqual([ask]);
  }
  expect(deliveries.lost(1006)).toEqual([{ kind: "refused", frame, text: expect.stringContaining("cut 3 times") }]);
});

it("refused for now waits as told, and says why once until something goes through at once", () => {
  const deliveries = createDeliveries();
  const say = { kind: "say", text: "rate_limited: slow down; it is sent again" };
  const wait = { kind: "wait", ms: 40 };
  deliveries.begin(frame, DEFAULT_LIMITS);
  expect(deliveries.answer(later)).toEqual([say, wait]);
  expect(deliveries.again()).toEqual([ask]);
  expect(deliveries.answer(later)).toEqual([wait]);
  deliveries.answer(ok);
  deliveries.begin(frame, DEFAULT_LIMITS);
  expect(deliveries.answer(later)).toEqual([wait]);
  deliveries.answer(ok);
  deliveries.begin(frame, DEFAULT_LIMITS);
  deliveries.answer(ok);
  deliveries.begin(frame, DEFAULT_LIMITS);
  expect(deliveries.answer(away)).toMatchObject([{ kind: "say" }, { ms: 1000 }]);
  expect(deliveries.answer({ ...away, code: "unknown", message: "repeat it" })).toMatchObject([
    { text: "it may or may not have been taken; it is sent again" },
    { ms: 1000 },
  ]);
});

it("refused for good, or over the limits of the edge, is over", () => {
  const deliveries = createDeliveries();
  deliveries.begin(frame, DEFAULT_LIMITS);
  expect(deliveries.answer({ ...later, code: "forbidden", retry: "never" })).toEqual([
    { kind: "refused", frame, text: "forbidden: slow down" },
  ]);
  expect(deliveries.begin(frame, { ...DEFAULT_LIMITS, bodyBytes: 1 })).toEqual([
    { kind: "refused", frame, text: "too_large: the message has 2 bytes, this cluster takes 1" },
  ]);
  deliveries.begin(frame, DEFAULT_LIMITS);
  expect(deliveries.giveUp("no channel")).toEqual([{ kind: "refused", frame, text: "no channel" }]);
  expect(deliveries.isIdle()).toBe(true);
});
