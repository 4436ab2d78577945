import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryStorage } from "./storage.ts";
import { createSession, keptTokens, SignedOut, tokensInFragment, userOf } from "./session.ts";
import type { Places, Session, SessionParts, Tokens } from "./session.ts";

/** A token as the page sees it: whose it is, and that it is another one. */
const tokenFor = (user: string, n: number): string => `head.${btoa(JSON.stringify({ sub: user, n }))}.sign`;
const tokensFor = (user: string, n: number): Tokens => ({
  ...{ token: tokenFor(user, n), refreshToken: `${user}-${n}`, refreshAt: 1_000 * n },
});

let browser: Storage;
let asked: string[];
let nowMs: number;

beforeEach(() => {
  browser = createMemoryStorage();
  asked = [];
  nowMs = 0;
});

const newTab = (): Places => ({ tab: createMemoryStorage(), browser });
/** The cluster's: each refresh token leads to the next one, once. */
const follow = async (last: Tokens | undefined): Promise<Tokens> => {
  const [user = "", n = ""] = (last?.refreshToken ?? "").split("-");
  if (user === "" || asked.includes(last?.refreshToken ?? "")) throw new SignedOut("/login");
  asked.push(last?.refreshToken ?? "");
  return tokensFor(user, Number(n) + 1);
};
/** Of somebody whom the cluster let in. */
const signIn = (first: Tokens | undefined, more: Partial<SessionParts> = {}): Session => {
  const session = createSession({
    first,
    places: newTab(),
    follow,
    nowMs: () => nowMs,
    alone: (act) => act(),
    ...more,
  });
  session.keep();
  return session;
};

describe("a session", () => {
  it("gives the token that it has until that is due or was refused", async () => {
    const session = signIn(tokensFor("ann", 1));
    expect(await session.token()).toBe(tokenFor("ann", 1));
    nowMs = 1_000;
    expect(await session.token()).toBe(tokenFor("ann", 2));
    expect(await session.token(tokenFor("ann", 2))).toBe(tokenFor("ann", 3));
    expect(await session.token(tokenFor("ann", 2)), "a word about an old one").toBe(tokenFor("ann", 3));
  });

  it("asks once for all who ask at once", async () => {
    const session = signIn(tokensFor("ann", 1));
    const shown = tokenFor("ann", 1);
    expect(await Promise.all([session.token(shown), session.token(shown)])).toEqual([
      tokenFor("ann", 2),
      tokenFor("ann", 2),
    ]);
    expect(asked).toEqual(["ann-1"]);
  });

  it("takes what another tab of the same user was given, since a refresh token is good once", async () => {
    const [one, other] = [signIn(tokensFor("ann", 1)), signIn(tokensFor("ann", 1))];
    const shown = tokenFor("ann", 1);
    expect(await one.token(shown)).toBe(tokenFor("ann", 2));
    expect(await other.token(shown)).toBe(tokenFor("ann", 2));
    expect(asked).toEqual(["ann-1"]);
  });

  it("takes nothing from a tab of another user", async () => {
    const ann = signIn(tokensFor("ann", 1));
    const bo = signIn(tokensFor("bo", 7));
    expect(await ann.token(tokenFor("ann", 1))).toBe(tokenFor("ann", 2));
    expect(await bo.token(tokenFor("bo", 7))).toBe(tokenFor("bo", 8));
  });

  it("takes nobody's place before the cluster let its user in", () => {
    signIn(tokensFor("ann", 1));
    createSession({ first: { token: "abc" }, places: newTab(), follow, nowMs: () => nowMs, alone: (act) => act() });
    expect(keptTokens(newTab())?.token).toBe(tokenFor("ann", 1));
  });

  it("is over for whoever has to sign in again, and says where", async () => {
    await expect(signIn({ token: tokenFor("ann", 1) }).token(tokenFor("ann", 1))).rejects.toMatchObject({
      location: "/login",
    });
  });

  it("is the tab's own after a reload, and the last one's in a new tab", () => {
    const places = newTab();
    signIn(tokensFor("ann", 1), { places });
    signIn(tokensFor("bo", 7));
    expect(keptTokens(places)?.token).toBe(tokenFor("ann", 1));
    expect(keptTokens(newTab())?.token).toBe(tokenFor("bo", 7));
  });
});

describe("a token", () => {
  it("comes by the fragment, with a refresh token or without", () => {
    expect(tokensInFragment("#token=a.b.c&refresh=r")).toEqual({ token: "a.b.c", refreshToken: "r" });
    expect(tokensInFragment("#token=a.b.c")).toEqual({ token: "a.b.c", refreshToken: undefined });
    expect(tokensInFragment("#/c/lobby")).toBeUndefined();
  });

  it("says whose it is in any letters, and nobody's where it is none", () => {
    const sub = "Zoë ✓";
    const payload = Buffer.from(JSON.stringify({ sub })).toString("base64url");
    expect(userOf(`h.${payload}.s`)).toBe(sub);
    for (const none of ["", "a.b", "a.!!.c", `h.${btoa("[]")}.s`]) expect(userOf(none), none).toBe("");
  });
});
