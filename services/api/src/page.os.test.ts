// The page over HTTP: what is sent, how long it may be kept, what it may load and call; and that nothing else is.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fakeServer } from "./fake-server.fixture.ts";
import { isBuilt } from "./page.ts";
import type { PageOptions } from "./page.ts";

const home = mkdtempSync(join(tmpdir(), "rookery-page-"));
// Whatever the folders above are called, the page alone says what is kept.
const folder = join(home, "assets", "page");
mkdirSync(join(folder, "assets"), { recursive: true });
const put = (name: string, text: string): void => writeFileSync(join(home, name), text);
put("assets/page/index.html", "<!doctype html>");
put("assets/page/assets/a-1.js", "plain");
put("assets/page/assets/a-1.js.br", "small");
put("secret.txt", "nobody's");
afterAll(() => rmSync(home, { recursive: true }));

const page: PageOptions = { folder, publicWsUrls: ["wss://chat.example/ws"], signInUrl: undefined, guest: true };
const { ask } = await fakeServer({ chatPage: page, requestsPerMin: 1 });

describe("the page", () => {
  it("is sent to anybody, and asked for again each time", async () => {
    const { status, headers, text } = await ask("GET", "/", { as: null });
    expect([status, text]).toEqual([200, "<!doctype html>"]);
    expect(headers).toMatchObject({ "cache-control": "no-cache", "content-type": "text/html; charset=utf-8" });
  });

  it("has files that are kept for a year, smaller for whoever takes them so", async () => {
    const plain = await ask("GET", "/assets/a-1.js", { as: null });
    const small = await ask("GET", "/assets/a-1.js", { as: null, headers: { "accept-encoding": "gzip, br" } });
    expect([plain.text, small.text]).toEqual(["plain", "small"]);
    expect(small.headers).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "content-encoding": "br",
      "content-type": "application/javascript; charset=utf-8",
      vary: "origin, accept-encoding",
    });
  });

  it("is told where the edges are and how one signs in, and nothing else", async () => {
    expect((await ask("GET", "/page.json", { as: null })).json).toEqual({ ws: ["wss://chat.example/ws"], guest: true });
    const other = await fakeServer({ chatPage: { ...page, publicWsUrls: [], signInUrl: "/token", guest: false } });
    expect((await other.ask("GET", "/page.json", { as: null })).json).toEqual({
      ws: [],
      guest: false,
      signIn: "/token",
    });
  });

  it("may call its own origin, the edges and whoever signs in, and run nothing inline", async () => {
    const signInUrl = "https://login.example:8443/token?x=1";
    const other = await fakeServer({ chatPage: { ...page, signInUrl } });
    const policy = String((await other.ask("GET", "/", { as: null })).headers["content-security-policy"]);
    expect(policy).toContain("connect-src 'self' wss://chat.example https://login.example:8443;");
    expect(policy).toContain("default-src 'self';");
    expect(policy).not.toContain("unsafe");
  });

  it("is no way to any other file", async () => {
    const served = await fakeServer({ chatPage: page });
    for (const path of [
      "/../secret.txt",
      "/assets/..%2f..%2fsecret.txt",
      "/%2e%2e/secret.txt",
      "/assets/",
      "/assets/b.js",
    ]) {
      const { status, headers } = await served.ask("GET", path, { as: null });
      expect(status, path).toBe(404);
      expect(headers["content-type"], path).toBe("application/problem+json; charset=utf-8");
    }
  });

  it("opens for everybody behind one address at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("GET", "/", { as: null })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it("is not there unless it is turned on", async () => {
    const off = await fakeServer();
    for (const path of ["/", "/page.json"]) expect((await off.ask("GET", path, { as: null })).status).toBe(404);
  });

  it("is missed where it was not built", () => {
    expect([isBuilt(folder), isBuilt(home)]).toEqual([true, false]);
  });
});
