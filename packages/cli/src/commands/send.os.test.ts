// What `send` does with an edge that refuses, cuts, or keeps silent: it says what became of the message, and ends.
import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { run, startFakeEdge } from "../chat/fake-edge.suite.ts";

const NO_LIMITS = { bodyBytes: 1_000_000, frameBytes: 1_000_000 };

// Every wait between two connections is the shortest one.
beforeAll(() => void vi.spyOn(Math, "random").mockReturnValue(0));
afterAll(() => void vi.restoreAllMocks());

describe("a message", () => {
  it("over the cluster's limit is refused in words and never sent", async () => {
    const edge = await startFakeEdge({ limits: { bodyBytes: 10 } });
    const { code, err, out } = run("send", "lobby", "é".repeat(6), "--url", edge.url, "--token", "t");
    expect(await code).toBe(1);
    expect(err).toEqual(["too_large: the message has 12 bytes, this cluster takes 10"]);
    expect(out).toEqual([]);
    expect(edge.asked.filter(({ type }) => type === "send")).toEqual([]);
  });

  it("that only its frame makes too large is refused likewise", async () => {
    const edge = await startFakeEdge({ limits: { frameBytes: 200 } });
    const { code, err } = run("send", "lobby", '"'.repeat(100), "--url", edge.url, "--token", "t");
    expect(await code).toBe(1);
    expect(err.join("\n")).toMatch(/^too_large: the frame has \d+ bytes, this cluster takes 200$/);
    expect(edge.asked.filter(({ type }) => type === "send")).toEqual([]);
  });

  it("on which the connection is cut each time is given up after five, and said to be of unknown fate", async () => {
    const edge = await startFakeEdge({
      limits: NO_LIMITS,
      answer: ({ type }, socket) => {
        if (type === "send") socket.terminate();
        return type === "send";
      },
    });
    const { code, err } = run("send", "lobby", "x", "--url", edge.url, "--token", "t");
    expect(await code).toBe(1);
    expect(err.at(-1)).toBe("unknown: cut off 5 times: it may have been taken");
    const sends = edge.asked.filter(({ type }) => type === "send");
    expect(new Set(sends.map(({ clientId }) => clientId)).size).toBe(1);
    expect(sends).toHaveLength(5);
  });

  it("is repeated over closes that the edge names, under the same clientId", async () => {
    let closes = 3;
    const edge = await startFakeEdge({
      answer: ({ type }, socket) => {
        if (type !== "send" || closes === 0) return false;
        closes -= 1;
        socket.close(4000, "draining");
        return true;
      },
    });
    const { code, out } = run("send", "lobby", "x", "--url", edge.url, "--token", "t");
    expect(await code).toBe(0);
    expect(out).toEqual(["ok 1-1"]);
    expect(new Set(edge.asked.map(({ clientId }) => clientId).filter((id) => id !== undefined)).size).toBe(1);
  });

  it("that is refused for good ends with 1, one that is refused for now is repeated as told", async () => {
    let refusals = 2;
    const error = { type: "error", message: "busy\u001b[2J", retry: "later", retryAfterMs: 1 };
    const edge = await startFakeEdge({
      answer: ({ type, ref }, socket) => {
        if (type !== "send") return false;
        refusals -= 1;
        const retry = refusals === 0 ? { retry: "never", code: "muted" } : { code: "rate_limited" };
        socket.send(JSON.stringify({ ...error, ...retry, ref }));
        return true;
      },
    });
    const { code, err } = run("send", "lobby", "x", "--url", edge.url, "--token", "t");
    expect(await code).toBe(1);
    expect(err).toEqual([String.raw`rate_limited: busy\u{1b}[2J`, String.raw`muted: busy\u{1b}[2J`]);
  });

  it("that is repeated for the same reason again and again tells each reason once, and its outcome", async () => {
    const reasons = ["unknown", "unknown", "unavailable", "unknown", "unavailable"];
    const edge = await startFakeEdge({
      answer: ({ type, ref }, socket) => {
        const code = type === "send" ? reasons.shift() : undefined;
        if (code === undefined) return false;
        const error = { type: "error", ref, code, message: "repeat it", retry: "later", retryAfterMs: 1 };
        socket.send(JSON.stringify(error));
        return true;
      },
    });
    const { code, out, err } = run("send", "lobby", "x", "--url", edge.url, "--token", "t");
    expect(await code).toBe(0);
    expect(err).toEqual(["unknown: repeat it", "unavailable: repeat it"]);
    expect(out).toEqual(["ok 1-1"]);
    expect(edge.asked.filter(({ type }) => type === "send")).toHaveLength(6);
  });

  it("for which nobody answers is given up when its time is over, at whatever it waits", async () => {
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const address = server.address();
    const at = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const silent = run("send", "lobby", "x", "--timeout", "1", "--url", `ws://${at}/ws`, "--token", "t");
    const api = run("send", "lobby", "x", "--timeout", "1", "--url", `ws://${at}/ws`, "--api", `http://${at}`);
    for (const { code, err } of [silent, api]) {
      expect(await code).toBe(1);
      expect(err).toEqual(["no answer within 1 s: the message may or may not have been sent"]);
    }
  });
});
