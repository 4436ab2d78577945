// The REST api as the page uses it: a token with each call, and problem documents as errors. Knows no component. What it asks is
// what the api's document offers to anyone.
import { fieldOf, listOf, parsed, textOf } from "./shape.ts";

const KINDS = ["public", "private", "password", "direct"] as const;
export type ChannelKind = (typeof KINDS)[number];

export interface ChannelInfo {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly name?: string;
  readonly owner?: string;
}

export interface Member {
  readonly user: string;
  readonly name: string;
  readonly role: string;
  readonly online: boolean;
}

export interface NewChannel {
  readonly id: string;
  readonly kind: Exclude<ChannelKind, "direct">;
  readonly name?: string;
  readonly password?: string;
}

/** A refusal in the api's own words. */
export class RestError extends Error {
  override readonly name = "RestError";
  readonly status: number;
  readonly code: string;

  /** A proxy's own page is no problem document: the status says all that there is to say. */
  constructor(status: number, problem: unknown) {
    super(textOf(problem, "detail") ?? textOf(problem, "title") ?? `the server answered ${status}`);
    this.status = status;
    this.code = textOf(problem, "code") ?? "unknown";
  }
}

export interface Rest {
  readonly publicChannels: () => Promise<readonly ChannelInfo[]>;
  readonly myChannels: () => Promise<readonly ChannelInfo[]>;
  readonly channel: (id: string) => Promise<ChannelInfo>;
  readonly create: (channel: NewChannel) => Promise<ChannelInfo>;
  readonly direct: (user: string) => Promise<ChannelInfo>;
  readonly members: (id: string) => Promise<readonly Member[]>;
}

/** Beyond these a list is cut: no page of this size is read by anybody. */
const MOST_LISTED = 1000;

/** Asked with the token that was refused, where one was. */
export type TokenSource = (refused?: string) => Promise<string>;

export function createRest(token: TokenSource): Rest {
  const ask = (method: string, path: string, body?: object): Promise<unknown> => call(token, method, path, body);
  const pages = async <T>(
    path: string,
    list: string,
    read: (each: unknown) => T | undefined,
  ): Promise<readonly T[]> => {
    const all: T[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? "" : `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
      const page = await ask("GET", path + query);
      all.push(...listOf(fieldOf(page, list), read));
      cursor = textOf(page, "cursor");
    } while (cursor !== undefined && all.length < MOST_LISTED);
    return all;
  };
  const one = async (asked: Promise<unknown>): Promise<ChannelInfo> => {
    const channel = channelOf(await asked);
    if (!channel) throw new Error("the api answered with something that is no channel");
    return channel;
  };
  const at = (id: string): string => `v1/channels/${encodeURIComponent(id)}`;
  return {
    publicChannels: () => pages("v1/channels?kind=public", "channels", channelOf),
    myChannels: () => pages("v1/channels", "channels", channelOf),
    channel: (id) => one(ask("GET", at(id))),
    create: (channel) => one(ask("POST", "v1/channels", channel)),
    direct: (user) => one(ask("POST", "v1/channels", { kind: "direct", with: user })),
    members: (id) => pages(`${at(id)}/members`, "members", memberOf),
  };
}

/** Undefined for what is none. */
export function channelOf(value: unknown): ChannelInfo | undefined {
  const id = textOf(value, "id");
  const kind = KINDS.find((each) => each === fieldOf(value, "kind"));
  const name = textOf(value, "name");
  const owner = textOf(value, "owner");
  if (id === undefined || kind === undefined) return undefined;
  return { id, kind, ...(name === undefined ? {} : { name }), ...(owner === undefined ? {} : { owner }) };
}

function memberOf(value: unknown): Member | undefined {
  const user = textOf(value, "user");
  if (user === undefined) return undefined;
  const [name, role] = [textOf(value, "name") ?? user, textOf(value, "role") ?? "member"];
  return { user, name, role, online: fieldOf(value, "online") === true };
}

/** Once more with another token where the first was refused: it may just have ended. */
async function call(token: TokenSource, method: string, path: string, body?: object): Promise<unknown> {
  const say = async (shown: string): Promise<Response> => {
    const headers: Record<string, string> = { authorization: `Bearer ${shown}` };
    if (body) headers["content-type"] = "application/json";
    return fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  };
  const first = await token();
  const answer = await say(first);
  return answerOf(answer.status === 401 ? await say(await token(first)) : answer);
}

/** The body of an answer, or what it refuses as an error. */
export async function answerOf(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (!answer.ok) throw new RestError(answer.status, parsed(text));
  return parsed(text);
}
