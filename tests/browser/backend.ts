// What the operator's own backend does to a cluster, over REST with the key that `dev` prints: channels, members, bans, tokens,
// messages of others. Called by the browser tests. Throws on any answer that is no success.
import type { Cluster } from "@rookery/testkit";

export interface NewChannel {
  readonly kind?: "public" | "private" | "password";
  readonly name?: string;
  readonly owner?: string;
  readonly password?: string;
  readonly members?: readonly string[];
}

export interface Published {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
}

export interface Line {
  readonly user: string;
  readonly body: string;
  readonly name?: string;
  readonly replyTo?: string;
  readonly meta?: Readonly<Record<string, string>>;
}

export interface Backend {
  readonly ask: <T = unknown>(method: string, path: string, body?: object) => Promise<T>;
  readonly channel: (id: string, given?: NewChannel) => Promise<void>;
  /** One after the other, in this order. */
  readonly say: (channel: string, lines: readonly Line[]) => Promise<readonly Published[]>;
}

const ANSWER_MS = 20_000;

export function backendOf({ ready }: Pick<Cluster, "ready">): Backend {
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${ready.api}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${ready.apiKey}`, "content-type": "application/json" },
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  return {
    ask,
    async channel(id, { members = [], kind = "public", owner = "olga", ...given } = {}) {
      await ask("POST", "channels", { id, kind, owner, ...given });
      for (const user of members) await ask("PUT", `channels/${id}/members/${user}`, { role: "member" });
    },
    async say(channel, lines) {
      const told: Published[] = [];
      for (const line of lines) told.push(await ask("POST", `channels/${channel}/messages`, line));
      return told;
    },
  };
}
