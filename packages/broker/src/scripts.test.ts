// What holds for every script, whatever it does.
import { describe, expect, it } from "vitest";
import { loadScripts } from "./scripts.ts";

describe("every script", () => {
  it("but the one that publishes runs in a full Redis, or nothing would ever empty it", () => {
    const refused = Object.entries(loadScripts()).filter(([, { lua }]) => !lua.startsWith("#!lua flags=allow-oom\n"));
    expect(refused.map(([name]) => name)).toEqual(["rookeryPublish"]);
  });
});
