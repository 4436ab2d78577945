// The file that knows the world: what it makes of options, sockets, tokens and the page around it.
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { connect } from "./connect.ts";
import { welcomeOf } from "./fake-world.fixture.ts";
import type { Client, ConnectOptions, SocketEvent, SocketLike } from "./public-client.ts";

class FakeSocket implements SocketLike {
  static readonly all: FakeSocket[] = [];
  readyState = 0;
  readonly said: string[] = [];
  readonly #hearers: [string, (event: SocketEvent) => void][] = [];
  readonly url: string;
  readonly protocols: string[];
  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }
  addEventListener(type: string, hear: (event: SocketEvent) => void): void {
    this.#hearers.push([type, hear]);
  }
  send(text: string): void {
    this.said.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
  tell(type: string, event: Omit<SocketEvent, "type"> = {}): void {
    for (const [of, hear] of this.#hearers) if (of === type) hear({ type, ...event });
  }
  open(): void {
    this.readyState = 1;
    this.tell("open");
    this.tell("message", { data: JSON.stringify(welcomeOf()) });
  }
}

const last = (): FakeSocket => {
  const socket = FakeSocket.all.at(-1);
  if (socket === undefined) throw new Error("nobody has dialled");
  return socket;
};

function start(options: Partial<ConnectOptions> = {}): { client: Client; errors: string[] } {
  const client = connect({ url: "ws://one/ws", token: () => "t", WebSocket: FakeSocket, ...options });
  onTestFinished(client.close);
  const errors: string[] = [];
  client.on("error", (error) => void errors.push(String(error)));
  return { client, errors };
}

beforeEach(() => {
  FakeSocket.all.length = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("connect", () => {
  it.each<[string, Partial<ConnectOptions>]>([
    ["no address", {}],
    ["none of several", { urls: [] }],
    ["an address of pages", { url: "https://host/ws" }],
    ["one such among several", { urls: ["wss://host/ws", "host"] }],
  ])("throws on %s", (_, options) => {
    expect(() => connect({ token: "t", WebSocket: FakeSocket, ...options })).toThrow(/ws:\/\/host\/ws/);
    expect(FakeSocket.all).toEqual([]);
  });

  it("throws where there is no WebSocket to be found", () => {
    vi.stubGlobal("WebSocket", undefined);
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(() => connect({ url: "ws://one/ws", token: "t" })).toThrow(/no WebSocket here/);
  });

  it("offers the protocol, shows the token, and is open with the welcome", async () => {
    const { client } = start();
    await vi.advanceTimersByTimeAsync(0);
    expect(last()).toMatchObject({ url: "ws://one/ws", protocols: ["rookery.v1"] });
    last().open();
    expect(last().said).toEqual([JSON.stringify({ type: "auth", ref: "auth", token: "t", persisted: true })]);
    expect(client.state()).toBe("open");
  });

  it.each<[string, () => string | Promise<string>, RegExp]>([
    ["rejects", () => Promise.reject(new Error("login is down")), /login is down/],
    [
      "throws",
      () => {
        throw new Error("no login");
      },
      /no login/,
    ],
    ["gives nothing", () => Promise.resolve<string>(JSON.parse("null")), /gave no text/],
    ["gives an empty one", () => "", /gave no text/],
  ])("asks again for a token whose source %s, and says so", async (_, bad, message) => {
    let asked = 0;
    const token = (): string | Promise<string> => ((asked += 1) < 3 ? bad() : "t");
    const { client, errors } = start({ token });
    await vi.advanceTimersByTimeAsync(0);
    expect(client.state()).toBe("waiting");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client.state()).toBe("opening");
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(message);
  });

  it("asks again for a token that never comes", async () => {
    let asked = 0;
    const token = (): Promise<string> => ((asked += 1) === 1 ? new Promise(() => undefined) : Promise.resolve("t"));
    const { client } = start({ token });
    await vi.advanceTimersByTimeAsync(29_999);
    expect(client.state()).toBe("token");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.state()).toBe("opening");
  });

  it("dials again where a socket cannot even be made", async () => {
    let made = 0;
    class Fussy extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        if ((made += 1) === 1) throw new Error("insecure");
        super(url, protocols);
      }
    }
    const { client, errors } = start({ WebSocket: Fussy });
    await vi.advanceTimersByTimeAsync(0);
    expect(client.state()).toBe("waiting");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(errors).toEqual(["Error: insecure"]);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("skips what is no frame", async () => {
    const { client, errors } = start();
    await vi.advanceTimersByTimeAsync(0);
    for (const data of ["", "{", "null", "7", "[]", "{}", '{"type":7}', new Uint8Array(2)])
      last().tell("message", { data });
    last().open();
    expect([client.state(), ...errors]).toEqual(["open"]);
  });

  it("hears nothing more of a socket that it has given up", async () => {
    const { client } = start();
    await vi.advanceTimersByTimeAsync(0);
    const first = last();
    first.open();
    first.tell("close", { code: 1006 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    first.tell("close", { code: 4500, reason: "protocol" });
    first.tell("message", { data: JSON.stringify(welcomeOf()) });
    expect(client.state()).toBe("opening");
  });

  it("takes a close without a code for a cut", async () => {
    const { client } = start();
    await vi.advanceTimersByTimeAsync(0);
    last().tell("error");
    last().tell("close");
    expect(client.state()).toBe("waiting");
  });

  it("is closed by its signal, before and after the start, and leaves no timer behind", async () => {
    expect(start({ signal: AbortSignal.abort() }).client.state()).toBe("closed");
    expect(FakeSocket.all).toEqual([]);
    const abort = new AbortController();
    const { client } = start({ signal: abort.signal });
    client.channel("lobby");
    await vi.advanceTimersByTimeAsync(0);
    last().open();
    abort.abort();
    expect(client.state()).toBe("closed");
    expect(last().readyState).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tries again at once when the network is back and when the page is seen, and not once it is closed", async () => {
    const [page, document] = [new EventTarget(), Object.assign(new EventTarget(), { hidden: true })];
    vi.stubGlobal("document", document);
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    onTestFinished(() => void vi.unstubAllGlobals());
    const { client } = start();
    await vi.advanceTimersByTimeAsync(0);
    const lose = (): void => last().tell("close", { code: 1006 });
    lose();
    page.dispatchEvent(new Event("online"));
    expect(FakeSocket.all).toHaveLength(2);
    lose();
    document.dispatchEvent(new Event("visibilitychange"));
    expect(FakeSocket.all).toHaveLength(2);
    document.hidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
    expect(FakeSocket.all).toHaveLength(3);
    client.close();
    page.dispatchEvent(new Event("online"));
    document.dispatchEvent(new Event("visibilitychange"));
    expect(FakeSocket.all).toHaveLength(3);
  });

  it("looks whether its socket still answers as soon as the browser says that it is offline", async () => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    onTestFinished(() => void vi.unstubAllGlobals());
    const { client } = start();
    await vi.advanceTimersByTimeAsync(0);
    last().open();
    expect(client.state()).toBe("open");
    page.dispatchEvent(new Event("offline"));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(client.state()).toBe("waiting");
    client.close();
  });
});
