// Contract of the spoiling proxy, against an echo server on loopback.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { startProxy } from "./proxy.ts";
import type { Proxy } from "./proxy.ts";

interface Stage {
  proxy: Proxy;
  /** What the target has received. */
  received: () => string;
  /** Asks the target past the proxy: when it has answered, what was sent before has had time to arrive. */
  roundTrip: () => Promise<void>;
  /** A new client with what it has received so far. */
  client: () => Promise<{ socket: Socket; got: () => string }>;
}

/** An echo server behind a proxy. */
const stage = async (): Promise<Stage> => {
  let received = "";
  const echo = createServer((socket) => {
    socket
      .on("error", () => undefined)
      .on("data", (chunk) => {
        received += String(chunk);
        socket.write(chunk);
      });
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const address = echo.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const proxy = await startProxy({ target: `redis://127.0.0.1:${port}/0` });
  onTestFinished(async () => {
    await proxy.close();
    echo.close();
  });
  const client = async (): Promise<{ socket: Socket; got: () => string }> => {
    const socket = connect({ port: proxy.port, host: "127.0.0.1" });
    onTestFinished(() => void socket.destroy());
    let got = "";
    socket
      .on("error", () => undefined)
      .on("data", (chunk) => {
        got += String(chunk);
      });
    await once(socket, "connect");
    return { socket, got: () => got };
  };
  const roundTrip = async (): Promise<void> => {
    const socket = connect({ port, host: "127.0.0.1" });
    for (let times = 0; times < 10; times += 1) {
      socket.write("-");
      await once(socket, "data");
    }
    socket.destroy();
  };
  return { proxy, received: () => received.replaceAll("-", ""), client, roundTrip };
};

describe("the proxy", () => {
  it("carries bytes both ways and ends, and names itself in the target's URL", async () => {
    const { proxy, client } = await stage();
    expect(proxy.url()).toBe(`redis://127.0.0.1:${proxy.port}/0`);
    expect(proxy.url("rediss")).toBe(`rediss://127.0.0.1:${proxy.port}/0`);
    const { socket, got } = await client();
    socket.end("hello");
    await once(socket, "close");
    expect(got()).toBe("hello");
    await eventually(() => proxy.connections() === 0);
  });

  it("keeps credentials and path of a URL whose user name looks like a host", async () => {
    const proxy = await startProxy({ target: "postgres://rookery:5432@127.0.0.1:9/rookery" });
    onTestFinished(proxy.close);
    expect(proxy.url()).toBe(`postgres://rookery:5432@127.0.0.1:${proxy.port}/rookery`);
  });

  it("cuts live links and lets new ones in", async () => {
    const { proxy, client } = await stage();
    const { socket } = await client();
    await eventually(() => proxy.connections() === 1);
    const closed = once(socket, "close");
    expect(proxy.cut()).toBe(1);
    await closed;
    const again = await client();
    again.socket.write("back");
    await eventually(() => again.got() === "back");
  });

  it("refuses new links only, until told otherwise", async () => {
    const { proxy, client } = await stage();
    const first = await client();
    proxy.refuse(true);
    const refused = connect({ port: proxy.port, host: "127.0.0.1" });
    const closed = new Promise((resolve) => refused.once("close", resolve));
    refused.on("error", () => undefined);
    await closed;
    first.socket.write("still here");
    await eventually(() => first.got() === "still here");
    proxy.refuse(false);
    const second = await client();
    second.socket.write("in");
    await eventually(() => second.got() === "in");
    expect(proxy.connections()).toBe(2);
  });

  it("loses one reply: the target has been asked, the client hears nothing and is cut", async () => {
    const { proxy, received, client } = await stage();
    const { socket, got } = await client();
    const lost = proxy.loseNextReply((bytes) => bytes.includes("two"));
    socket.write("one");
    await eventually(() => got() === "one");
    socket.write("two");
    await Promise.all([lost, once(socket, "close")]);
    expect(received()).toBe("onetwo");
    expect(got()).toBe("one");
    const next = await client();
    next.socket.write("three");
    await eventually(() => next.got() === "three");
  });

  it("delays each direction", async () => {
    const { proxy, client } = await stage();
    const { socket, got } = await client();
    proxy.latency(40);
    const before = performance.now();
    socket.write("slow");
    await eventually(() => got() === "slow", { everyMs: 2 });
    expect(performance.now() - before).toBeGreaterThanOrEqual(78);
  });

  it("narrows a line without changing a byte", async () => {
    const { proxy, client } = await stage();
    const { socket, got } = await client();
    proxy.bandwidth(100_000);
    const text = Array.from({ length: 2_000 }, (_, index) => `${index},`).join("");
    const before = performance.now();
    socket.write(text);
    await eventually(() => got().length === text.length, { everyMs: 2 });
    expect(got()).toBe(text);
    expect(performance.now() - before).toBeGreaterThanOrEqual((text.length / 100_000) * 900);
  });

  it("holds bytes while frozen, closes nothing, and delivers them in order afterwards", async () => {
    const { proxy, received, client, roundTrip } = await stage();
    const { socket, got } = await client();
    socket.write("a");
    await eventually(() => got() === "a");
    proxy.freeze(true);
    socket.write("b");
    socket.write("c");
    const late = await client();
    late.socket.write("d");
    await eventually(() => proxy.connections() === 2);
    await roundTrip();
    expect(received()).toBe("a");
    expect(got()).toBe("a");
    proxy.freeze(false);
    await eventually(() => got() === "abc" && late.got() === "d");
  });

  it("hides the end of one side from the other while frozen", async () => {
    const { proxy, client } = await stage();
    const { socket } = await client();
    await eventually(() => proxy.connections() === 1);
    proxy.freeze(true);
    socket.destroy();
    await once(socket, "close");
    expect(proxy.connections()).toBe(1);
    proxy.freeze(false);
    await eventually(() => proxy.connections() === 0);
  });
});
