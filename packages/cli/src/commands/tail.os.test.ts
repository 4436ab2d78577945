// What `tail` prints of what it hears, and how it goes on when it is refused or hears nonsense.
import { eventually } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { message, run, startFakeEdge } from "../chat/fake-edge.suite.ts";

// Every wait between two connections is the shortest one, 250 ms.
beforeAll(() => void vi.spyOn(Math, "random").mockReturnValue(0));
afterAll(() => void vi.restoreAllMocks());

const TIME = /^\d\d:\d\d:\d\d /;

describe("what tail prints", () => {
  const messages = [
    message(1, { body: "one\n12:00:00 bob: two" }),
    message(2, { user: "guest-1", name: "bob", body: "\u001b[1A\u001b[2Kgone" }),
  ];

  it("begins a line with a time for messages only, and lets no text pass for another's", async () => {
    const edge = await startFakeEdge({ messages });
    const { out, closeOutput, code } = run("tail", "lobby", "--last", "5", "--url", edge.url, "--token", "t");
    await eventually(() => out.length === 2);
    expect(out.map((text) => text.replace(TIME, "T "))).toEqual([
      "T alice: one\n         | 12:00:00 bob: two",
      String.raw`T guest-1 "bob": \u{1b}[1A\u{1b}[2Kgone`,
    ]);
    closeOutput();
    expect(await code).toBe(0);
  });

  it("is exact with --json", async () => {
    const edge = await startFakeEdge({ messages });
    const { out } = run("tail", "lobby", "--last", "5", "--json", "--url", edge.url, "--token", "t");
    await eventually(() => out.length === 2);
    expect(out.map((line): unknown => JSON.parse(line))).toEqual(messages);
  });
});

describe("a tail", () => {
  it("goes on when what it hears is no frame", async () => {
    const edge = await startFakeEdge();
    const { out } = run("tail", "lobby", "--url", edge.url, "--token", "t");
    await eventually(() => edge.asked.some(({ type }) => type === "join"));
    for (const nonsense of ["{", "[]", "null", '"message"', "{}"]) edge.say(nonsense);
    edge.say(message(1));
    await eventually(() => out.length === 1);
    expect(out[0]).toContain("alice: text 1");
  });

  it("that was told to wait on a connection does not begin anew on the next one", async () => {
    let connections = 0;
    const edge = await startFakeEdge({
      answer: ({ type, ref }, socket) => {
        if (type !== "join") return false;
        connections += 1;
        if (connections > 1) return false;
        const error = { type: "error", ref, code: "unavailable", message: "away", retry: "later", retryAfterMs: 600 };
        socket.send(JSON.stringify(error));
        socket.close(4000, "draining");
        return true;
      },
    });
    const { out, err } = run("tail", "lobby", "--url", edge.url, "--token", "t");
    await eventually(() => connections === 2);
    edge.say(message(1));
    await eventually(() => out.length === 1);
    // Past the wait that was asked for, the channel is still followed.
    let seq = 1;
    const until = performance.now() + 500;
    await eventually(() => {
      edge.say(message((seq += 1)));
      return performance.now() > until && out.length > 20;
    });
    await eventually(() => out.length === seq);
    expect(err[0]).toBe("unavailable: away");
  });
});
