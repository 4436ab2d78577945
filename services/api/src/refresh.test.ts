// Contract of exchanging refresh tokens; that a token is good once is the store's, and is tested with Postgres.
import { describe, expect, it } from "vitest";
import { fakeRefreshTokens } from "./fake-context.fixture.ts";
import { createRefresh } from "./refresh.ts";

const grant = { user: "ann", name: "Ann", ttlSec: 60, claims: { team: "x" } };
const refused = { code: "unauthenticated", message: "the refresh token is not valid" };

function refresher() {
  const clock = { ms: 0 };
  const reused: string[] = [];
  const tokens = fakeRefreshTokens(() => clock.ms);
  return { refresh: createRefresh({ tokens, onReuse: (family) => reused.push(family) }), clock, reused };
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

  it.each(["", "rt_", "rt_short", `rt_${"a".repeat(44)}`, `xx_${"a".repeat(43)}`, `rt_${"a".repeat(42)}\n`])(
    "%j is none, and nobody is asked",
    async (text) => {
      const asked = (): never => {
        throw new Error("asked");
      };
      const refresh = createRefresh({ tokens: { issue: asked, rotate: asked } });
      await expect(refresh.exchange(text)).rejects.toMatchObject(refused);
    },
  );
});
