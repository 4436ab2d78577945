// `rookery send <channel> <text>`: one message, repeated by the SDK under the same clientId until its outcome is known. What is over
// the cluster's limits is never sent.
import { RookeryError } from "@rookery/client";
import { formatPosition } from "@rookery/protocol";
import type { ClientFrame } from "@rookery/protocol";
import type { Command } from "commander";
import { addEndpointOptions, findEndpoint } from "../chat/endpoint.ts";
import type { EndpointOptions } from "../chat/endpoint.ts";
import { overLimit } from "../chat/over-limit.ts";
import { openLink } from "../chat/sdk-link.ts";
import { visibleLine } from "../chat/visible-text.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, wholeNumber } from "../option-values.ts";

interface SendOptions extends EndpointOptions {
  readonly persisted: boolean;
  readonly timeout: number;
  readonly json: boolean;
}

const LONGEST_TIMEOUT_SEC = 3600;
const DEFAULT_TIMEOUT_SEC = 30;

export function send(command: Command, io: Io): void {
  addEndpointOptions(command.argument("<channel>", "channel id", channelId).argument("<text>", "what to say"))
    .option("--persisted", "wait until the message is committed in Postgres", false)
    .option("--timeout <s>", "give up after this", wholeNumber(1, LONGEST_TIMEOUT_SEC), DEFAULT_TIMEOUT_SEC)
    .option("--json", "print each answer as one line of JSON", false)
    .action(async (channel: string, body: string, options: SendOptions) => {
      io.exitWith(await sendOnce(channel, body, options, io));
    });
}

async function sendOnce(id: string, body: string, options: SendOptions, io: Io): Promise<number> {
  const { urls, ...entry } = await findEndpoint(options, io);
  // The last edge first, and tail the first one: together they show that edges reach each other.
  const endpoint = { ...entry, urls: urls.toReversed() };
  const over = new AbortController();
  const { signal } = over;
  const timer = setTimeout(() => over.abort(), options.timeout * 1000);
  let isPlaced = false;
  const answered = (answer: object, text: string): void => {
    isPlaced = true;
    io.out(options.json ? JSON.stringify(answer) : text);
  };
  try {
    const link = await openLink({ endpoint, say: io.err, until: signal });
    await Promise.race([link.ended, deliver()]);
    return EXIT.done;

    async function deliver(): Promise<void> {
      const channel = link.client.channel(id);
      const excess = overLimit(longest(id, body), await orAborted(link.limits, signal));
      if (excess !== undefined) throw new RookeryError("too_large", excess);
      const sent = channel.send(body, { signal });
      const accepted = await sent;
      answered({ type: "ok", ...accepted }, `ok ${formatPosition(accepted)}`);
      if (!options.persisted) return;
      const position = await orAborted(sent.persisted, signal);
      answered({ type: "persisted", channel: id, ...position }, `persisted ${formatPosition(position)}`);
    }
  } catch (error) {
    if (signal.aborted) io.err(unfinished(isPlaced, options.timeout));
    else if (error instanceof RookeryError) io.err(visibleLine(`${error.code}: ${error.message}`));
    else throw error;
    return EXIT.failed;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/** As long as the frame that the SDK makes of it may be. */
function longest(channel: string, body: string): ClientFrame {
  return { type: "send", ref: "1", channel, clientId: "0".repeat(63), body };
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What is known when the time is up. */
function unfinished(isPlaced: boolean, timeoutSec: number): string {
  if (isPlaced) return `sent, but not known to be in Postgres after ${timeoutSec} s`;
  return `no answer within ${timeoutSec} s: the message may or may not have been sent`;
}
