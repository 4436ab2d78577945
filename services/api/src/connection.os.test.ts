// Contract of the connection, by raw bytes: what is refused before its body was read leaves nothing behind that would be
// taken for the next request, and what stays open answers the next one right.
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { BOOTSTRAP_KEY } from "./fake-context.fixture.ts";
import { fakeServer } from "./fake-server.fixture.ts";

const page = "/v1/channels/lobby/messages";
const { server } = await fakeServer({ requestsPerMin: 1000 });
const strict = await fakeServer({ requestsPerMin: 0 });
const ports = await Promise.all([listen(server), listen(strict.server)]);
const [port, strictPort] = ports;
afterAll(async () => {
  await Promise.all([server.close(), strict.server.close()]);
});

async function listen(listening: typeof server): Promise<number> {
  await listening.listen({ host: "127.0.0.1", port: 0 });
  const address = listening.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Wire {
  readonly socket: Socket;
  /** The next whole answer: head and body. */
  answer(): Promise<string>;
  /** Everything until the server closes. */
  rest(): Promise<string>;
}

function dial(to = port): Wire {
  const socket = connect(to, "127.0.0.1");
  let bytes = "";
  let ended = false;
  let wake = (): void => undefined;
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => {
    bytes += String(chunk);
    wake();
  });
  // A server that closes on unread bytes resets.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    ended = true;
    wake();
  });
  afterAll(() => void socket.destroy());
  const more = () => new Promise<void>((resolve) => (wake = resolve));
  return {
    socket,
    async answer() {
      for (;;) {
        const head = /^[^]*?\r\n\r\n/.exec(bytes)?.[0];
        const length =
          head?.length === undefined ? Infinity : head.length + Number(/content-length: (\d+)/i.exec(head)?.[1]);
        if (bytes.length >= length) {
          const whole = bytes.slice(0, length);
          bytes = bytes.slice(length);
          return whole;
        }
        if (ended) throw new Error(`closed after ${JSON.stringify(bytes)}`);
        await more();
      }
    },
    async rest() {
      while (!ended) await more();
      return bytes;
    },
  };
}

function request(line: string, headers: Readonly<Record<string, string | number>> = {}, body = ""): string {
  const lines = Object.entries({ host: "rookery", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

const admin = { authorization: `Bearer ${BOOTSTRAP_KEY}` };
const json = { "content-type": "application/json" };
const alive = request("GET /livez");

describe("a refusal", () => {
  const refused: readonly [string, string, number, number?][] = [
    ["without a credential", request(`POST ${page}`, { ...json, "content-length": 50 }), 401],
    [
      "with a bad credential",
      request(`POST ${page}`, { ...json, authorization: "Bearer x", "content-length": 50 }),
      401,
    ],
    ["over a rate limit", request("POST /v1/auth/guest", { ...json, "content-length": 50 }), 429, strictPort],
    ["of an unknown path", request("POST /v1/nothing", { ...admin, ...json, "content-length": 50 }), 404],
    ["of an unknown method", request(`PUT ${page}`, { ...admin, ...json, "content-length": 50 }), 405],
    ["of a path that is not well formed", request("POST /v1/%zz", { ...admin, ...json, "content-length": 50 }), 400],
    [
      "of another type of body",
      request(`POST ${page}`, { ...admin, "content-type": "text/x", "content-length": 50 }),
      400,
    ],
    ["of a body over the limit", request(`POST ${page}`, { ...admin, ...json, "content-length": 10_000_000 }), 413],
    ["of a body in chunks", request(`POST ${page}`, { ...json, "transfer-encoding": "chunked" }), 401],
    [
      "of a preflight with a body",
      request(`OPTIONS ${page}`, { origin: "http://x", "access-control-request-method": "PUT", "content-length": 50 }),
      403,
    ],
  ];

  it.concurrent.each(refused)(
    "%s that leaves a body unread ends the connection and says so",
    async (_what, head, status, to) => {
      const wire = dial(to);
      wire.socket.write(head);
      const answer = await wire.answer();
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toMatch(/^connection: close\r$/im);
      expect(answer).toContain("application/problem+json");
      expect(await wire.rest()).toBe("");
    },
  );

  it.concurrent.each(refused.filter(([, , status]) => status !== 413 && status !== 429))(
    "%s whose body has come keeps the connection, and the next request is answered right",
    async (_what, head) => {
      const wire = dial();
      const body = "x".repeat(50);
      wire.socket.write(head + (head.includes("chunked") ? `32\r\n${body}\r\n0\r\n\r\n` : body));
      expect(await wire.answer()).not.toMatch(/^connection: close\r$/im);
      wire.socket.write(alive);
      expect(await wire.answer()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*alive\n$/);
    },
  );

  it("of a body that is no JSON keeps the connection too", async () => {
    const wire = dial();
    wire.socket.write(request(`POST ${page}`, { ...admin, ...json, "content-length": 1 }, "{"));
    expect(await wire.answer()).toMatch(/^HTTP\/1\.1 400 /);
    wire.socket.write(alive);
    expect(await wire.answer()).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("waits for a body that is on its way, so that nobody's answer is lost to a reset", async () => {
    const wire = dial();
    wire.socket.write(request(`POST ${page}`, { ...json, "content-length": 50 }, "x".repeat(20)));
    await once(wire.socket, "connect");
    setImmediate(() => wire.socket.write("x".repeat(30)));
    expect(await wire.answer()).not.toMatch(/^connection: close\r$/im);
    wire.socket.write(alive);
    expect(await wire.answer()).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("an answer that has no need of its request's body", () => {
  it("ends the connection over a body that does not come", async () => {
    const wire = dial();
    wire.socket.write(request("GET /livez", { "content-length": 50 }));
    expect(await wire.answer()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close\r/i);
    expect(await wire.rest()).toBe("");
  });
});

describe("what is no HTTP", () => {
  it("is answered with a problem document, and the connection ends", async () => {
    const wire = dial();
    wire.socket.write("HELLO\r\n\r\n");
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"bad_frame"/);
  });

  it("behind a request that can be answered does not take its answer", async () => {
    const wire = dial();
    const message = JSON.stringify({ body: "hi" });
    wire.socket.write(request(`POST ${page}`, { ...admin, ...json, "content-length": message.length }, message));
    wire.socket.write("\u0000\u0001rubbish\r\n\r\n");
    expect(await wire.answer()).toMatch(/^HTTP\/1\.1 201 /);
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 400 [^]*connection: close\r[^]*"code":"bad_frame"/i);
  });

  it("in the middle of a body is answered, and nothing happened", async () => {
    const wire = dial();
    wire.socket.write(request(`POST ${page}`, { ...admin, ...json, "transfer-encoding": "chunked" }, "zz\r\n"));
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 400 [^]*"code":"bad_frame"/);
  });
});

describe("a sign of life", () => {
  it.each([
    ["GET /livez HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nalive\n$/],
    ["HEAD /livez HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/],
    ["HEAD /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/],
    ["OPTIONS /livez HTTP/1.0\r\n\r\n", /^HTTP\/1\.1 405 [^]*\nallow: GET, HEAD\r/i],
    ["GET http://rookery/livez HTTP/1.1\r\nhost: rookery\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 200 /],
    ["GET /livez HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\n\r\n", /^HTTP\/1\.1 200 /],
  ])("is given to %j", async (bytes, answer) => {
    const wire = dial();
    wire.socket.write(bytes);
    expect(await wire.rest()).toMatch(answer);
  });
});
