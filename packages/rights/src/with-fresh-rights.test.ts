// Contract of acting by rights that may have changed.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { grantOf } from "./grant.ts";
import type { Grant } from "./grant.ts";
import { withFreshRights } from "./with-fresh-rights.ts";

type Outcome =
  { readonly kind: "done"; readonly version: number } | { readonly kind: "stale"; readonly version: number };

const ASKED = { user: "ann", channel: "lobby", right: "write" } as const;

interface Scene {
  readonly inForce: number;
  readonly versions?: readonly number[];
  readonly cached?: Grant | Promise<Grant>;
}

/** An act that is done under the version in force, and rights whose fresh grant has the next of `versions`. */
function scene({ inForce, versions = [], cached = grantOf("member", 1) }: Scene) {
  const acts: number[] = [];
  const reads: unknown[] = [];
  const act = async ({ version }: { readonly version: number }): Promise<Outcome> => {
    acts.push(version);
    return { kind: version === inForce ? "done" : "stale", version };
  };
  const rights = {
    cached: () => cached,
    fresh: async (asked: unknown) => {
      const version = versions[reads.length];
      reads.push(asked);
      if (version === undefined) throw new ChatError("unavailable", "away");
      return grantOf("member", version);
    },
  };
  return { acts, reads, begin: () => withFreshRights(rights, ASKED, act) };
}

describe("an act by rights", () => {
  it("begins in the same turn where its grant is remembered, and is done once where that holds", async () => {
    const { acts, reads, begin } = scene({ inForce: 1 });
    const done = begin();
    expect(acts).toEqual([1]);
    expect(await done).toEqual({ kind: "done", version: 1 });
    expect(acts).toEqual([1]);
    expect(reads).toEqual([]);
  });

  it("waits for a grant that is not remembered", async () => {
    const { acts, begin } = scene({ inForce: 2, cached: Promise.resolve(grantOf("member", 2)) });
    expect(await begin()).toEqual({ kind: "done", version: 2 });
    expect(acts).toEqual([2]);
  });

  it("is not begun where it is refused", async () => {
    const refused = Promise.reject(new ChatError("not_found", "no such channel"));
    const { acts, begin } = scene({ inForce: 1, cached: refused });
    await expect(begin()).rejects.toMatchObject({ code: "not_found" });
    expect(acts).toEqual([]);
  });

  it("is done once more by a fresh grant where its own was stale", async () => {
    const { acts, reads, begin } = scene({ inForce: 2, versions: [2] });
    expect(await begin()).toEqual({ kind: "done", version: 2 });
    expect(acts).toEqual([1, 2]);
    expect(reads).toEqual([ASKED]);
  });

  it("is unavailable where the fresh grant was stale too", async () => {
    const { acts, reads, begin } = scene({ inForce: 3, versions: [2, 3] });
    await expect(begin()).rejects.toMatchObject({
      code: "unavailable",
      message: "the channel's rights are changing",
      details: { channel: "lobby" },
    });
    expect(acts).toEqual([1, 2]);
    expect(reads).toHaveLength(1);
  });

  it("ends as reading the fresh grant ends", async () => {
    const { acts, begin } = scene({ inForce: 2 });
    await expect(begin()).rejects.toMatchObject({ code: "unavailable", message: "away" });
    expect(acts).toEqual([1]);
  });
});
