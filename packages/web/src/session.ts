// Where tokens come from: a fragment of the page's address, a refresh token that was kept, the operator's sign-in address, or a
// guest's name. Keeps what survives a reload in the browser's storage. A token goes into no address, log or document.
import { answerOf, RestError } from "./rest.ts";
import type { PageConfig } from "./page-config.ts";
import { numberOf, parsed, textOf } from "./shape.ts";

/** As the api answers it; an operator's own address may leave out all but the token. */
export interface Tokens {
  readonly token: string;
  readonly refreshToken?: string | undefined;
  /** In ms since the Unix epoch. */
  readonly refreshAt?: number | undefined;
}

export interface Session {
  /** A token that is good now, a fresh one where the last is due or was `refused`. Rejects where somebody has to sign in again. */
  readonly token: (refused?: boolean) => Promise<string>;
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

const KEPT = "rookery-page/session";

/** `#token=<jwt>&refresh=<refresh token>`; undefined when the fragment is anything else. */
export function tokensInFragment(fragment: string): Tokens | undefined {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = fields.get("token");
  return token ? { token, refreshToken: fields.get("refresh") ?? undefined } : undefined;
}

export function createSession(first: Tokens | undefined, config: PageConfig, storage: Storage): Session {
  let tokens = first;
  let asking: Promise<string> | undefined;
  if (first) keepTokens(storage, first);
  const next = async (): Promise<string> => {
    tokens = await fetchTokens(tokens, config);
    keepTokens(storage, tokens);
    return tokens.token;
  };
  return {
    async token(refused = false) {
      if (asking) return asking;
      if (tokens && !refused && Date.now() < (tokens.refreshAt ?? Infinity)) return tokens.token;
      asking = next().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    async signOut() {
      storage.removeItem(KEPT);
      const { token, refreshToken } = tokens ?? {};
      tokens = undefined;
      if (token === undefined) return;
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      await fetch("v1/auth/logout", { method: "POST", headers, body: JSON.stringify({ refreshToken }) });
    },
  };
}

async function fetchTokens(last: Tokens | undefined, { signIn }: PageConfig): Promise<Tokens> {
  if (last?.refreshToken !== undefined) {
    try {
      return await post("v1/auth/refresh", { refreshToken: last.refreshToken });
    } catch (error) {
      if (!(error instanceof RestError && error.status === 401)) throw error;
    }
  }
  if (signIn === undefined) throw new SignedOut();
  const answer = await fetch(signIn, { method: "POST", credentials: "include" });
  if (answer.status === 401) throw new SignedOut(textOf(parsed(await answer.text()), "location"));
  return read(await answerOf(answer));
}

export async function guestTokens(name: string): Promise<Tokens> {
  return post("v1/auth/guest", name === "" ? {} : { name });
}

async function post(path: string, body: object): Promise<Tokens> {
  const headers = { "content-type": "application/json" };
  return read(await answerOf(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })));
}

export function keptTokens(storage: Storage): Tokens | undefined {
  return tokensOf(parsed(storage.getItem(KEPT)));
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

function keepTokens(storage: Storage, tokens: Tokens): void {
  storage.setItem(KEPT, JSON.stringify(tokens));
}
