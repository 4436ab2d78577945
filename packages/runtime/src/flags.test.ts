import { describe, expect, it } from "vitest";
import { parseFlags } from "./flags.ts";

describe("flags", () => {
  it("become camel-case keys, with the value behind = or in the next word", () => {
    const argv = ["--batch-loaves", "20", "--log-level=debug", "--is-open", "--port", "0"];
    expect(parseFlags(argv)).toEqual({ batchLoaves: "20", logLevel: "debug", isOpen: "true", port: "0" });
  });

  it("keep a word that belongs to no flag, so that it is refused by name", () => {
    expect(parseFlags(["start"])).toEqual({ start: "true" });
  });
});
