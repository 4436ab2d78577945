// What `chat` does with an edge, in a pipe and on a screen: what is printed and drawn, how it goes on, and how it ends.
import { PassThrough } from "node:stream";
import { eventually } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createDrawn } from "../chat/drawn.suite.ts";
import { message, runWith, startFakeEdge } from "../chat/fake-edge.suite.ts";
import type { Asked, FakeEdgeOptions } from "../chat/fake-edge.suite.ts";

// Every wait between two connections is the shortest one, 250 ms.
beforeAll(() => void vi.spyOn(Math, "random").mockReturnValue(0));
afterAll(() => void vi.restoreAllMocks());

const TIME = /^\d\d:\d\d:\d\d /;

/** An edge that gives messages to whoever sent them, too. */
async function talkingEdge(answer: FakeEdgeOptions["answer"] = () => false) {
  let seq = 0;
  const edge = await startFakeEdge({
    answer: (frame, socket) => {
      if (answer(frame, socket)) return true;
      if (frame.type !== "send") return false;
      seq += 1;
      const { ref, clientId, body } = frame;
      const taken = { type: "ok", ref, channel: "lobby", id: `m${seq}`, clientId, epoch: 1, seq, at: 0 };
      socket.send(JSON.stringify(taken));
      socket.send(JSON.stringify(message(seq, { body: String(body) })));
      return true;
    },
  });
  return edge;
}

const bodies = (asked: readonly Asked[]): unknown[] =>
  asked.flatMap((frame) => (frame.type === "send" ? [frame["body"]] : []));

describe("chat in a pipe", () => {
  const pipe = (url: string, ...flags: readonly string[]) => {
    const input = new PassThrough();
    return { input, ...runWith({ input, screen: undefined }, "chat", "lobby", "--url", url, "--token", "t", ...flags) };
  };

  it("sends what comes in, prints what is said, and ends with its input once all is acknowledged", async () => {
    const edge = await talkingEdge();
    const { input, out, code } = pipe(edge.url);
    input.end("one\r\n\n/usr/bin\nlast without an end");
    expect(await code).toBe(0);
    expect(bodies(edge.asked)).toEqual(["one", "/usr/bin", "last without an end"]);
    expect(out.map((line) => line.replace(TIME, ""))).toEqual([
      "#1 alice: one",
      "#2 alice: /usr/bin",
      "#3 alice: last without an end",
    ]);
  });

  it("loses no line of hundreds, over cuts and rates, and keeps their order", async () => {
    let count = 0;
    const edge = await talkingEdge(({ type, ref }, socket) => {
      count += type === "send" ? 1 : 0;
      if (type !== "send" || count % 150 !== 0) return false;
      if (count % 300 === 0) socket.close(4000, "draining");
      else
        socket.send(
          JSON.stringify({
            type: "error",
            ref,
            code: "rate_limited",
            message: "slow",
            retry: "later",
            retryAfterMs: 1,
          }),
        );
      return true;
    });
    const { input, code } = pipe(edge.url);
    const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`);
    input.end(lines.join("\n"));
    expect(await code).toBe(0);
    const sent = bodies(edge.asked);
    expect([...new Set(sent)]).toEqual(lines);
    expect(sent.length).toBe(lines.length + 3);
  });

  it("ends with 1 when something was refused, or when the channel lets nobody in", async () => {
    const refuse = (refused: string) => (frame: Asked, socket: { send: (text: string) => void }) => {
      if (frame.type !== refused) return false;
      socket.send(
        JSON.stringify({ type: "error", ref: frame.ref, code: "banned", message: "go\u001b[2J", retry: "never" }),
      );
      return true;
    };
    for (const type of ["send", "join"]) {
      const edge = await talkingEdge(refuse(type));
      const { input, out, code } = pipe(edge.url);
      input.write("hi\n");
      if (type === "send") input.end();
      expect(await code).toBe(1);
      expect(out).toEqual([String.raw`* banned: go\u{1b}[2J`]);
    }
  });

  it("ends when nobody reads what it prints", async () => {
    const edge = await talkingEdge();
    const { closeOutput, code } = pipe(edge.url);
    await eventually(() => edge.asked.length === 1);
    closeOutput();
    expect(await code).toBe(0);
  });
});

/** A terminal of 40 columns. */
function fakeScreen() {
  const drawn = createDrawn();
  const written: string[] = [];
  const write = (text: string): void => {
    written.push(text);
    drawn.write(text);
  };
  const screen = { columns: 40, rows: 8, write, on: () => undefined, off: () => undefined };
  return { screen, written, lines: () => drawn.lines() };
}

describe("chat on a screen", () => {
  const person = (url: string) => {
    const input = new PassThrough();
    const terminal = fakeScreen();
    return {
      input,
      ...terminal,
      ...runWith({ input, screen: terminal.screen }, "chat", "lobby", "--url", url, "--token", "t"),
    };
  };

  it("draws what is said and what is entered, tells that one writes and what one has read", async () => {
    const edge = await talkingEdge();
    const { input, lines, out } = person(edge.url);
    await eventually(() => lines().includes("lobby - 0 here"));
    input.write("hell");
    await eventually(() => lines().at(-1) === "> hell");
    input.write("o\r");
    await eventually(() => lines().some((line) => line.endsWith("#1 alice: hello")));
    await eventually(() => edge.asked.some(({ type }) => type === "read"));
    expect(lines().at(-1)).toBe(">");
    expect(edge.asked.map(({ type }) => type)).toEqual(["join", "typing", "send", "read"]);
    edge.say({ type: "typing", channel: "lobby", user: "eve", name: "eve", on: true, ttlMs: 6000 });
    await eventually(() => lines().includes("eve writes"));
    expect(out).toEqual([]);
    input.write("\u0003");
  });

  it("looks back by page keys while new messages wait below", async () => {
    const edge = await talkingEdge();
    const { input, lines } = person(edge.url);
    await eventually(() => edge.asked.length === 1);
    for (let seq = 1; seq <= 30; seq += 1) edge.say(message(seq));
    await eventually(() => lines().some((line) => line.endsWith("text 30")));
    input.write("\u001b[5~");
    await eventually(() => lines().includes("lobby - 10 below - 0 here"));
    edge.say(message(31));
    await eventually(() => lines().includes("lobby - 11 below - 0 here"));
    expect(lines().some((line) => line.endsWith("text 20"))).toBe(true);
    input.write("\u001b[6~\u001b[6~");
    await eventually(() => lines().some((line) => line.endsWith("text 31")));
    input.write("/quit\r");
  });

  it("goes on over a lost connection, and leaves the terminal as it was at Ctrl-C", async () => {
    let cuts = 1;
    const edge = await talkingEdge(({ type }, socket) => {
      if (type !== "send" || cuts === 0) return false;
      cuts -= 1;
      socket.terminate();
      return true;
    });
    const { input, lines, written, code } = person(edge.url);
    await eventually(() => lines().includes("lobby - 0 here"));
    input.write("hi\r");
    await eventually(() => lines().some((line) => line.includes("connection lost")));
    await eventually(() => lines().some((line) => line.endsWith("alice: hi")));
    expect(bodies(edge.asked)).toEqual(["hi", "hi"]);
    input.write("\u0003");
    expect(await code).toBe(0);
    expect(written[0]).toContain("\u001b[?1049h");
    expect(written.at(-1)).toBe("\u001b[?7h\u001b[?25h\u001b[?1049l");
  });
});
