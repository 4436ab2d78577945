import { describe, expect, it } from "vitest";
import type { ReadyLine } from "../cluster-file.ts";
import { readyText } from "./ready-text.ts";

const LINE: ReadyLine = {
  ready: true,
  pid: 1,
  ws: ["ws://127.0.0.1:7700/ws"],
  api: "http://127.0.0.1:7701",
  apiKey: "rk_hush",
  jwt: { alg: "HS256", secret: "hush", issuer: "rookery", audience: "rookery" },
  redis: "redis://127.0.0.1:6400",
  postgres: "postgres://rookery:hush@127.0.0.1:5400/rookery",
  processes: [],
};
const text = (allowedOrigins: readonly string[], hasPage = true): string =>
  readyText(LINE, { folder: "/here/.rookery", cwd: "/here", allowedOrigins, hasPage }).join("\n");

describe("what a person is told once everything answers", () => {
  it("is where everything is, without a secret", () => {
    for (const url of [LINE.ws[0], LINE.api, LINE.redis]) expect(text(["loopback"])).toContain(url);
    expect(text(["loopback"])).not.toContain("hush");
  });

  it("begins with the page, where there is one", () => {
    const addresses = (shown: string): string[] => shown.match(/\b(?:http|ws|redis|postgres):\/\/\S+/g) ?? [];
    expect(addresses(text([]))[0]).toBe("http://127.0.0.1:7701/");
    expect(text([], false)).not.toContain("7701/ ");
  });

  it.each([
    [["loopback"], "pages of any port of this machine may connect"],
    [["loopback", "https://app.example"], "pages of any port of this machine, https://app.example may connect"],
    [["https://app.example"], "pages of https://app.example may connect"],
    [[], "no page may connect"],
  ])("is whose pages may connect with %j, and what to set for others", (origins, told) => {
    expect(text(origins)).toContain(told);
    expect(text(origins)).toContain("--set ROOKERY_ALLOWED_ORIGINS=loopback,https://app.example");
  });
});
