import { describe, expect, it } from "vitest";
import { createOriginAllowed } from "./origin-allowed.ts";

describe("an origin", () => {
  it("is allowed when it stands on the list just as browsers send it", () => {
    const allowed = createOriginAllowed(["https://chat.example.com", "http://intra.example:8080"]);
    expect(["https://chat.example.com", "http://intra.example:8080"].map(allowed)).toEqual([true, true]);
    const others = ["http://chat.example.com", "https://CHAT.example.com", "https://chat.example.com:443", "null", ""];
    expect([...others, "https://chat.example.com.evil.test", "loopback"].filter(allowed)).toEqual([]);
  });

  it("of this machine is allowed by the word loopback, on any port", () => {
    const allowed = createOriginAllowed(["loopback", "https://chat.example.com"]);
    const loopback = [
      ...["http://localhost", "http://localhost:5173", "https://localhost:3000"],
      ...["http://127.0.0.1:8080", "http://127.1.2.3", "http://[::1]:3000", "https://chat.example.com"],
    ];
    expect(loopback.filter((origin) => !allowed(origin))).toEqual([]);
  });

  it.each([
    ...["http://localhost.evil.test", "http://evil-localhost", "http://127.0.0.1.evil.test", "http://[::2]"],
    ...["ftp://localhost", "http://localhost/", "http://localhost:80", "http://user@localhost", "HTTP://LOCALHOST"],
    ...["http://0x7f.1", "http://2130706433", "http://128.0.0.1", "null", "loopback", "localhost", "file://"],
    `http://localhost:${"0".repeat(400)}1`,
  ])("%s is none of this machine's pages", (origin) => {
    expect(createOriginAllowed(["loopback"])(origin)).toBe(false);
  });

  it("of this machine is refused where nobody wrote the word", () => {
    expect(createOriginAllowed([])("http://localhost:3000")).toBe(false);
  });
});
