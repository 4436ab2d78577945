import { describe, expect, it } from "vitest";
import { outWords } from "./out-words.ts";

const show = (ms: number): string => `<${ms}>`;

describe("the words for being out of a channel", () => {
  it("tell until when a ban holds, where it ends", () => {
    expect(outWords({ code: "banned", message: "", until: 5 }, show).text).toBe(
      "You were banned from this channel until <5>.",
    );
    expect(outWords({ code: "banned", message: "" }, show).text).toBe("You were banned from this channel.");
  });

  it("ask for a password where one helps", () => {
    for (const code of ["password_required", "wrong_password", "password_changed"]) {
      expect(outWords({ code, message: "" }, show).help, code).toBe("password");
    }
  });

  it("give the cluster's own words for a code that is not known here", () => {
    expect(outWords({ code: "constructor", message: "odd things" }, show).text).toContain("odd things");
  });
});
