// Contract of refusals: what a client is told, and what stands in the log beside it.
import { ChatError } from "@rookery/protocol";
import { expect, it, vi } from "vitest";
import { refusalOf } from "./refusal.ts";
import { sessionOn } from "./session.fixture.ts";

function refuse(error: unknown) {
  const log = { info: vi.fn<() => void>(), warn: vi.fn<() => void>(), error: vi.fn<() => void>() };
  const { code } = refusalOf({ log }, sessionOn({}, "s"), error);
  return [code, log.error.mock.calls.length];
}

function unavailable(cause: Error): ChatError {
  return Object.assign(new ChatError("unavailable", "away"), { cause });
}

it("a refusal stays what it is and is no news", () => {
  expect(refuse(new ChatError("not_found", "no such channel"))).toEqual(["not_found", 0]);
  expect(refuse(unavailable(new Error("Connection is closed.")))).toEqual(["unavailable", 0]);
});

it("a script that failed is told to the client as an outage, and in the log as what it is", () => {
  const reply = Object.assign(new Error("ERR user_script:54: attempt to index a nil value"), { name: "ReplyError" });
  expect(refuse(unavailable(reply))).toEqual(["unavailable", 1]);
});

it("anything else is a fault of ours: internal, and in the log", () => {
  expect(refuse(new TypeError("no such method"))).toEqual(["internal", 1]);
});
