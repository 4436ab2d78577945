// Who this tab is signed in as, and where fresh tokens come from: a fragment of the page's address, a refresh token that was kept,
// the operator's sign-in address, or a guest's name. Tokens stand in the browser's storage, by user, and nowhere else: in no
// address, no log, no document. Tabs of one user share them, since a refresh token is good once.
import { answerOf, RestError } from "./rest.ts";
import { fieldOf, numberOf, parsed, textOf } from "./shape.ts";

/** As the api answers it; an operator's own address may leave out all but the token. */
export interface Tokens {
  readonly token: string;
  readonly refreshToken?: string | undefined;
  /** In ms since the Unix epoch. */
  readonly refreshAt?: number | undefined;
}

export interface Session {
  /** A token that is good as far as is known; a fresh one where that was refused. Rejects with {@link SignedOut}. */
  readonly token: (refused?: string) => Promise<string>;
  /** The cluster let this user in by it: from now on it is the tab's and the browser's. Before, it takes nobody's place. */
  readonly keep: () => void;
  /** Takes away what this page keeps of this user. */
  readonly signOut: () => Promise<void>;
}

/** Somebody has to sign in again, there where it says. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
  readonly location: string | undefined;

  constructor(location?: string) {
    super("you are signed out");
    this.location = location;
  }
}

/** Of a tab and of the whole browser: whoever signed in last. */
const WHO = "rookery-page/who";
const keyOf = (user: string): string => `rookery-page/session/${encodeURIComponent(user)}`;
/** One tab at a time asks for a successor; the others find it in the storage. */
const LOCK = "rookery-page/session";

/** What a browser keeps for this page. */
export interface Places {
  readonly tab: Storage;
  readonly browser: Storage;
}

/** `#token=<jwt>&refresh=<refresh token>`; undefined when the fragment is anything else. */
export function tokensInFragment(fragment: string): Tokens | undefined {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = fields.get("token");
  return token ? { token, refreshToken: fields.get("refresh") ?? undefined } : undefined;
}

/** Whether a fragment is about signing in, so that it is not to stay in the address whatever it holds. */
export function isSignInFragment(fragment: string): boolean {
  return /^#(token|refresh)=/.test(fragment);
}

/** Whose a token says it is, or nobody's: it is the cluster that believes it or not. */
export function userOf(token: string): string {
  try {
    const bytes = Uint8Array.from(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")), (each) =>
      each.charCodeAt(0),
    );
    return textOf(parsed(new TextDecoder().decode(bytes)), "sub") ?? "";
  } catch {
    return "";
  }
}

/** Of this tab before, or of whoever was here last. */
export function keptTokens({ tab, browser }: Places): Tokens | undefined {
  const who = tab.getItem(WHO) ?? browser.getItem(WHO);
  return who === null ? undefined : tokensOf(parsed(browser.getItem(keyOf(who))));
}

export interface SessionParts {
  /** Undefined: nobody yet, so the operator is asked who this is. */
  readonly first: Tokens | undefined;
  readonly places: Places;
  /** The next tokens after these. Rejects with {@link SignedOut} where there are none. */
  readonly follow: (last: Tokens | undefined) => Promise<Tokens>;
  readonly nowMs: () => number;
  /** One tab at a time. */
  readonly alone: (act: () => Promise<string>) => Promise<string>;
}

export function createSession({ first, places, follow, nowMs, alone }: SessionParts): Session {
  const { tab, browser } = places;
  let tokens = first;
  let asking: Promise<string> | undefined;
  const take = (next: Tokens): string => {
    tokens = next;
    const user = userOf(next.token);
    for (const place of [tab, browser]) place.setItem(WHO, user);
    browser.setItem(keyOf(user), JSON.stringify(next));
    return next.token;
  };
  const fresh = async (): Promise<string> => {
    const key = keyOf(userOf(tokens?.token ?? ""));
    const kept = tokensOf(parsed(browser.getItem(key)));
    if (kept && tokens && kept.token !== tokens.token) return take(kept);
    return take(await follow(tokens));
  };
  return {
    keep() {
      if (tokens) take(tokens);
    },
    async token(refused) {
      if (asking) return asking;
      const isDue = nowMs() >= (tokens?.refreshAt ?? Infinity);
      if (tokens && !isDue && tokens.token !== refused) return tokens.token;
      asking = alone(fresh).finally(() => {
        asking = undefined;
      });
      return asking;
    },
    async signOut() {
      const { token, refreshToken } = tokens ?? {};
      if (token === undefined) return;
      tokens = undefined;
      for (const key of keysOf(browser, userOf(token))) browser.removeItem(key);
      for (const place of [tab, browser]) place.removeItem(WHO);
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      await fetch("v1/auth/logout", { method: "POST", headers, body: JSON.stringify({ refreshToken }) });
    },
  };
}

/** Of this page and of the SDK: drafts and unsent texts are not for whoever comes next. */
function keysOf(storage: Storage, user: string): string[] {
  const name = encodeURIComponent(user);
  const keys = Array.from({ length: storage.length }, (_, n) => storage.key(n) ?? "");
  return keys.filter(
    (key) =>
      key === keyOf(user) || [`rookery-page/${name}/`, `rookery/${name}/`].some((start) => key.startsWith(start)),
  );
}

/** A page without a secure origin has no locks: the api answers two who ask within 10 s alike. */
export async function oneTabAtATime(act: () => Promise<string>): Promise<string> {
  const { locks }: { readonly locks?: LockManager } = navigator;
  return locks ? locks.request(LOCK, act) : act();
}

/** By the refresh token, and where that is no good any more by the operator's sign-in address. */
export async function nextTokens(last: Tokens | undefined, signIn: string | undefined): Promise<Tokens> {
  if (last?.refreshToken !== undefined) {
    try {
      return await post("v1/auth/refresh", { refreshToken: last.refreshToken });
    } catch (error) {
      if (!(error instanceof RestError && error.status === 401)) throw error;
    }
  }
  if (signIn === undefined) throw new SignedOut();
  const answer = await fetch(signIn, { method: "POST", credentials: "include" });
  if (answer.status === 401) throw new SignedOut(safeLocation(parsed(await answer.text())));
  return read(await answerOf(answer));
}

/** Where a person can go: never an address that runs as a script. */
function safeLocation(body: unknown): string | undefined {
  const told = fieldOf(body, "location");
  return typeof told === "string" && /^(https?:\/\/|\/)/i.test(told) ? told : undefined;
}

export async function guestTokens(name: string): Promise<Tokens> {
  return post("v1/auth/guest", name === "" ? {} : { name });
}

async function post(path: string, body: object): Promise<Tokens> {
  const headers = { "content-type": "application/json" };
  return read(await answerOf(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })));
}

/** Undefined for what has none. */
function tokensOf(value: unknown): Tokens | undefined {
  const token = textOf(value, "token");
  if (token === undefined) return undefined;
  return { token, refreshToken: textOf(value, "refreshToken"), refreshAt: numberOf(value, "refreshAt") };
}

function read(answer: unknown): Tokens {
  const tokens = tokensOf(answer);
  if (!tokens) throw new Error("no token came where one was asked for");
  return tokens;
}
