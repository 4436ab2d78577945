// Contract of exchanging refresh tokens; that a token is good once is the store's, and is tested with Postgres.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { fakeRefreshTokens } from "./fake-context.fixture.ts";
import { createRefresh } from "./refresh.ts";

const grant = { user: "ann", name: "Ann", ttlSec: 60, claims: { team: "x" } };
const refused = { code: "unauthenticated", message: "the refresh token is not valid" };

function refresher() {
  const clock = { ms: 0 };
  const reused: string[] = [];
  const tokens = fakeRefreshTokens(() => clock.ms);
  const banned = new Set<string>();
  const allows = async (user: string): Promise<void> => {
    if (banned.has(user)) throw new ChatError("banned", "banned");
  };
  const refresh = createRefresh({ tokens, allows, onReuse: (family) => reused.push(family) });
  return { refresh, clock, reused, banned };
}

describe("a refresh token", () => {
  it("is exchanged for its successor, which stands for the same grant", async () => {
    const { refresh } = refresher();
    const first = await refresh.begin(grant);
    const { refreshToken: second, grant: got } = await refresh.exchange(first);
    expect(got).toEqual(grant);
    expect(second).not.toBe(first);
    expect((await refresh.exchange(second)).grant).toEqual(grant);
  });

  it("that was used up is refused in the same words as one that never was, and told of once", async () => {
    const { refresh, clock, reused } = refresher();
    const first = await refresh.begin(grant);
    const { refreshToken: second } = await refresh.exchange(first);
    clock.ms = 10_001;
    await expect(refresh.exchange(first)).rejects.toMatchObject(refused);
    await expect(refresh.exchange(second)).rejects.toMatchObject(refused);
    await expect(refresh.exchange(`rt_${"a".repeat(43)}`)).rejects.toMatchObject(refused);
    expect(reused).toHaveLength(1);
  });

  it("of a user who is to get none is not used up", async () => {
    const { refresh, clock, reused, banned } = refresher();
    const first = await refresh.begin(grant);
    banned.add("ann");
    await expect(refresh.exchange(first)).rejects.toMatchObject({ code: "banned" });
    clock.ms = 60_000;
    banned.clear();
    expect((await refresh.exchange(first)).grant).toEqual(grant);
    expect(reused).toEqual([]);
  });

  it("ends with its family, also by one that was used up, and as often as one likes", async () => {
    const { refresh } = refresher();
    const first = await refresh.begin(grant);
    const { refreshToken: second } = await refresh.exchange(first);
    await refresh.end(first);
    await refresh.end(first);
    for (const token of [first, second]) await expect(refresh.exchange(token)).rejects.toMatchObject(refused);
  });

  it.each(["", "rt_", "rt_short", `rt_${"a".repeat(44)}`, `xx_${"a".repeat(43)}`, `rt_${"a".repeat(42)}\n`])(
    "%j is none, and nobody is asked",
    async (text) => {
      const asked = (): never => {
        throw new Error("asked");
      };
      const tokens = { issue: asked, rotate: asked, owner: asked, revokeFamily: asked };
      const refresh = createRefresh({ tokens, allows: asked });
      await expect(refresh.exchange(text)).rejects.toMatchObject(refused);
      await refresh.end(text);
    },
  );
});
