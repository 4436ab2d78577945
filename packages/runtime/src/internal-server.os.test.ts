import { afterEach, describe, expect, it } from "vitest";
import { startInternalServer } from "./internal-server.ts";
import type { InternalServer, InternalServerOptions } from "./internal-server.ts";

const servers: InternalServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const quiet = { warn: () => undefined, error: () => undefined };
const metrics = { render: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }) };

async function serve(options: Partial<InternalServerOptions> = {}): Promise<string> {
  const server = await startInternalServer({ host: "127.0.0.1", port: 0, checks: [], metrics, log: quiet, ...options });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

const passes = { name: "redis", check: () => Promise.resolve(undefined) };
const fails = { name: "postgres", check: () => Promise.resolve("refused") };
const throws = { name: "files", check: () => Promise.reject(new Error("no room")) };
const hangs = { name: "pulse", check: () => new Promise<undefined>(() => undefined) };

describe("the internal server", () => {
  it("is alive whatever its dependencies say", async () => {
    const base = await serve({ checks: [hangs] });
    expect((await fetch(`${base}/livez`)).status).toBe(200);
  });

  it("is ready when every check passes", async () => {
    const response = await fetch(`${await serve({ checks: [passes] })}/readyz`);
    expect([response.status, await response.text()]).toEqual([200, "ready\n"]);
  });

  it("is not ready when a check fails, throws or does not answer in time, and names it", async () => {
    const base = await serve({ checks: [passes, fails, throws, hangs], checkMs: 20 });
    const response = await fetch(`${base}/readyz`);
    expect([response.status, await response.text()]).toEqual([503, "not ready: postgres, files, pulse\n"]);
    const verbose = await fetch(`${base}/readyz?verbose`);
    expect(verbose.status).toBe(503);
    expect(await verbose.json()).toMatchObject({
      ready: false,
      checks: [
        { name: "redis", ok: true },
        { name: "postgres", ok: false, detail: "refused" },
        { name: "files", ok: false, detail: "no room" },
        { name: "pulse", ok: false, detail: "no answer within 20 ms" },
      ],
    });
  });

  it("stays ready over what is only to be known, and tells it to whoever asks for all", async () => {
    const base = await serve({ checks: [passes, { ...fails, advisory: true }] });
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    const verbose = await fetch(`${base}/readyz?verbose`);
    expect(verbose.status).toBe(200);
    expect(await verbose.json()).toMatchObject({
      ready: true,
      checks: [
        { name: "redis", ok: true },
        { name: "postgres", advisory: true, ok: false, detail: "refused" },
      ],
    });
  });

  it("runs the checks once for all who ask meanwhile", async () => {
    let runs = 0;
    let release: (() => void) | undefined;
    const check = () => {
      runs += 1;
      return new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
    };
    const base = await serve({ checks: [{ name: "slow", check }], checkMs: 5000 });
    const asked = [fetch(`${base}/readyz`), fetch(`${base}/readyz`)];
    await fetch(`${base}/livez`);
    await expect.poll(() => release).toBeDefined();
    await fetch(`${base}/livez`);
    release?.();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
    expect(runs).toBe(1);
  });

  it("renders metrics with their content type", async () => {
    const response = await fetch(`${await serve()}/metrics`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(await response.text()).toBe("up 1\n");
  });

  it("begins a drain on POST alone, and never for a web page", async () => {
    let drains = 0;
    const base = await serve({ drain: () => (drains += 1) });
    expect((await fetch(`${base}/drain`)).status).toBe(405);
    const fromPage = { method: "POST", headers: { origin: "https://evil.example" } };
    expect((await fetch(`${base}/drain`, fromPage)).status).toBe(403);
    expect(drains).toBe(0);
    expect((await fetch(`${base}/drain`, { method: "POST", body: "{}" })).status).toBe(202);
    expect(drains).toBe(1);
  });

  it("finds nothing else, and takes no large body", async () => {
    const base = await serve({ drain: () => undefined });
    expect((await fetch(`${await serve()}/drain`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${base}/debug`)).status).toBe(404);
    expect((await fetch(`${base}//livez`)).status).toBe(404);
    const response = await fetch(`${base}/drain`, { method: "POST", body: "x".repeat(2000) });
    expect(response.status).toBe(413);
  });

  it("rejects when its port is taken", async () => {
    const base = await serve();
    await expect(serve({ port: Number(new URL(base).port) })).rejects.toThrow(/EADDRINUSE/);
  });
});
