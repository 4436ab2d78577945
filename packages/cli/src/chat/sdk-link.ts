// The SDK as the commands use it: given this machine's sockets and tokens, and with words for whoever watches. Called by tail and
// send, which see channels alone.
import { connect } from "@rookery/client";
import type { Client } from "@rookery/client";
import { actionForClose } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { messageOf } from "../io.ts";
import type { Endpoint } from "./endpoint.ts";
import { toldSockets } from "./told-socket.ts";
import type { SocketEnd } from "./told-socket.ts";
import { visibleLine } from "./visible-text.ts";

export interface Link {
  readonly client: Client;
  /** Resolves to those of the cluster once a session is open. */
  readonly limits: Promise<FrameLimits>;
  /** Rejects when the cluster ends it for good, and when no edge can be reached at the very start. Never resolves. */
  readonly ended: Promise<never>;
}

export interface LinkOptions {
  readonly endpoint: Endpoint;
  /** Told to people while it goes on. */
  readonly say: (line: string) => void;
  /** Ends it from this side. */
  readonly until: AbortSignal;
}

/** Of this side: what the SDK closes it has a reason for, which it tells otherwise. */
const OWN_CLOSES: ReadonlySet<number> = new Set([1000, 1005]);

/** Rejects where there is no token to begin with. */
export async function openLink({ endpoint, say, until }: LinkOptions): Promise<Link> {
  const { urls, isRenewable } = endpoint;
  let atHand: string | undefined = await endpoint.token(until);
  const limits = later<FrameLimits>();
  const ended = later<never>();
  for (const { promise } of [limits, ended]) promise.catch(() => undefined);
  const told = new Set<string>();
  const judge = createJudge(endpoint);
  const client = connect({
    ...{ urls, signal: until },
    // One that cannot be renewed is not asked for again: its end is the end.
    token: isRenewable ? nextToken : atHand,
    WebSocket: toldSockets({
      limits: limits.resolve,
      refusedForNow({ code, message }) {
        const text = visibleLine(`${code}: ${message}`);
        if (!told.has(text)) say(text);
        told.add(text);
      },
      ended(end) {
        if (until.aborted || client.state() === "closed") return;
        const { error, line } = judge(end);
        if (line !== undefined) say(line);
        if (error === undefined) return;
        ended.reject(error);
        client.close();
      },
    }),
  });
  client.on("error", (error) => say(visibleLine(messageOf(error))));
  return { client, limits: limits.promise, ended: ended.promise };

  async function nextToken(): Promise<string> {
    const token = atHand ?? (await endpoint.token(until));
    atHand = undefined;
    return token;
  }
}

interface Later<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function later<T>(): Later<T> {
  let resolve: Later<T>["resolve"] = () => undefined;
  let reject: Later<T>["reject"] = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

interface Verdict {
  readonly line?: string;
  /** It is over. */
  readonly error?: Error;
}

/** What the end of one connection means for all of it. */
function createJudge({ urls, isRenewable }: Endpoint): (end: SocketEnd) => Verdict {
  let failures = 0;
  let hasConnected = false;
  return ({ url, wasOpen, code, reason, isFinal }) => {
    if (!wasOpen) {
      failures += 1;
      if (isFinal || (!hasConnected && failures >= urls.length)) return { error: new Error(reason) };
      return { line: `${reason}; trying ${hasConnected ? "again" : "the next edge"}` };
    }
    hasConnected = true;
    if (OWN_CLOSES.has(code)) return {};
    const told = reason === "" ? String(code) : `${code} ${visibleLine(reason)}`;
    const action = actionForClose(code);
    if (action === "stop") return { error: new Error(`${url} closed the connection: ${told}`) };
    if (action === "renew" && !isRenewable) {
      return { error: new Error(`the token was not accepted (${told}): give another one`) };
    }
    return { line: `connection lost (${told}); connecting again` };
  };
}
