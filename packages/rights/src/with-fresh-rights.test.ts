// Contract of acting by rights that may have changed.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { grantOf } from "./grant.ts";
import type { Grant } from "./grant.ts";
import { withFreshRights } from "./with-fresh-rights.ts";
import type { RightsFence } from "./with-fresh-rights.ts";

const ASKED = { user: "ann", channel: "lobby", right: "write" } as const;

/** An act that asks for fresh rights once, and what was asked meanwhile. */
function scene({ cached = grantOf("member", 1), fresh }: { cached?: Grant | Promise<Grant>; fresh?: Grant }) {
  const acts: number[] = [];
  const reads: unknown[] = [];
  const rights = {
    cached: () => cached,
    fresh: async (asked: unknown) => {
      reads.push(asked);
      if (fresh === undefined) throw new ChatError("unavailable", "away");
      return fresh;
    },
  };
  const begin = (act: (fence: RightsFence) => Promise<number>): Promise<number> =>
    withFreshRights(rights, ASKED, (fence) => {
      acts.push(fence.rightsVersion);
      return act(fence);
    });
  return { acts, reads, begin };
}

describe("an act by rights", () => {
  it("begins in the same turn where its grant is remembered, and asks for no other by itself", async () => {
    const { acts, reads, begin } = scene({});
    const done = begin(async ({ rightsVersion }) => rightsVersion);
    expect(acts).toEqual([1]);
    expect(await done).toBe(1);
    expect(reads).toEqual([]);
  });

  it("waits for a grant that is not remembered", async () => {
    const { acts, begin } = scene({ cached: Promise.resolve(grantOf("member", 2)) });
    expect(await begin(async ({ rightsVersion }) => rightsVersion)).toBe(2);
    expect(acts).toEqual([2]);
  });

  it("is not begun where it is refused", async () => {
    const refused = Promise.reject(new ChatError("not_found", "no such channel"));
    const { acts, begin } = scene({ cached: refused });
    await expect(begin(async () => 0)).rejects.toMatchObject({ code: "not_found" });
    expect(acts).toEqual([]);
  });

  it("is told the version that is now in force when it asks", async () => {
    const { reads, begin } = scene({ fresh: grantOf("member", 5) });
    expect(await begin(({ freshRights }) => freshRights())).toBe(5);
    expect(reads).toEqual([ASKED]);
  });

  it("ends as reading the fresh grant ends", async () => {
    const { begin } = scene({});
    await expect(begin(({ freshRights }) => freshRights())).rejects.toMatchObject({
      code: "unavailable",
      message: "away",
    });
  });
});
