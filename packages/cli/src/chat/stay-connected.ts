// Keeps one conversation going over as many connections as it takes: next edge, next token, wait in between, all by the
// range of the close code. Called by tail and send, which only see frames.
// States: connecting, open, waiting, over.
import type { ServerFrame } from "@rookery/protocol";
import { actionForClose } from "@rookery/protocol";
import { pause } from "@rookery/runtime";
import { createBackoff } from "./backoff.ts";
import type { Endpoint } from "./endpoint.ts";
import { ConnectFailure, openSocket } from "./socket.ts";
import type { ChatSocket, Closing } from "./socket.ts";
import { visibleLine } from "./visible-text.ts";

export interface Conversation {
  readonly endpoint: Endpoint;
  /** What to say first on each connection. */
  readonly onOpen: (socket: ChatSocket) => void;
  readonly onFrame: (frame: ServerFrame, socket: ChatSocket) => void;
  /** Told to people while it goes on. */
  readonly say: (line: string) => void;
  /** Ends the conversation from this side. */
  readonly until: AbortSignal;
}

/** Resolves when `until` says so; rejects when the cluster ends it, or when no edge can be reached at the very start. */
export async function stayConnected(conversation: Conversation): Promise<void> {
  const { until } = conversation;
  try {
    await converseOn(conversation);
  } catch (error) {
    // What was given up half way ends with an error of its own.
    if (!until.aborted) throw error;
  }
}

async function converseOn(conversation: Conversation): Promise<void> {
  const { endpoint, until, say } = conversation;
  const backoff = createBackoff();
  let token = await endpoint.token(until);
  let hasConnected = false;
  for (let attempt = 0; !until.aborted; attempt += 1) {
    const url = endpoint.urls[attempt % endpoint.urls.length] ?? "";
    const startedMs = performance.now();
    const isLastHope = !hasConnected && attempt + 1 >= endpoint.urls.length;
    const closing = await converse(conversation, url, token, !isLastHope);
    if (until.aborted) return;
    const isOpened = closing.code !== NEVER_OPENED;
    if (!isOpened && !hasConnected) {
      say(`${closing.reason}; trying the next edge`);
      continue;
    }
    hasConnected ||= isOpened;
    const action = isOpened ? actionForClose(closing.code) : "reconnect";
    const told = closing.reason === "" ? String(closing.code) : `${closing.code} ${visibleLine(closing.reason)}`;
    if (action === "stop") throw new Error(`${url} closed the connection: ${told}`);
    if (action === "renew") {
      if (!endpoint.isRenewable) throw new Error(`the token was not accepted (${told}): give another one`);
      token = await endpoint.token(until);
    }
    const waitMs = backoff.nextMs(isOpened ? performance.now() - startedMs : 0);
    say(`${isOpened ? `connection lost (${told})` : closing.reason}; again in ${waitMs} ms`);
    await pause(waitMs, { signal: until });
  }
}

/** No close code: codes are 1000 to 4999. */
const NEVER_OPENED = 0;

/** One connection from beginning to end. */
async function converse(
  { onOpen, onFrame, until }: Conversation,
  url: string,
  token: string,
  mayFail: boolean,
): Promise<Closing> {
  try {
    const socket = await openSocket({ url, token, onFrame, until });
    const close = (): void => socket.close();
    until.addEventListener("abort", close, { once: true });
    if (until.aborted) close();
    else onOpen(socket);
    const closing = await socket.closed;
    until.removeEventListener("abort", close);
    return closing;
  } catch (error) {
    if (!(error instanceof ConnectFailure) || error.isFinal || !mayFail) throw error;
    return { code: NEVER_OPENED, reason: error.message };
  }
}
