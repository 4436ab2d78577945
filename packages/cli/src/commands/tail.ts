// `rookery tail <channel>`: prints what is said in a channel until it is stopped, over reconnects and without a hole.
import { RookeryError } from "@rookery/client";
import type { Channel, Gap, Sequenced } from "@rookery/client";
import { comparePositions, formatPosition } from "@rookery/protocol";
import type { Command } from "commander";
import { addEndpointOptions, findEndpoint } from "../chat/endpoint.ts";
import type { EndpointOptions } from "../chat/endpoint.ts";
import { openLink } from "../chat/sdk-link.ts";
import { speaker, visibleBody, visibleLine } from "../chat/visible-text.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, wholeNumber } from "../option-values.ts";

interface TailOptions extends EndpointOptions {
  readonly last: number;
  readonly json: boolean;
}

/** As many as the newest page brings. */
const MOST_AT_ONCE = 200;
/** The largest page there is. */
const PAGE = 200;

export function tail(command: Command, io: Io): void {
  addEndpointOptions(command.argument("<channel>", "channel id", channelId))
    .option("--last <n>", "begin with the newest n messages", wholeNumber(0, MOST_AT_ONCE), 0)
    .option("--json", "print each frame as one line of JSON", false)
    .action(async (channel: string, options: TailOptions) => {
      io.exitWith(await follow(channel, options, io));
    });
}

async function follow(id: string, options: TailOptions, io: Io): Promise<number> {
  const endpoint = await findEndpoint(options, io);
  const over = new AbortController();
  const { signal } = over;
  void io.outClosed().then(() => over.abort());
  const print = (frame: Sequenced): void => io.out(options.json ? JSON.stringify(frame) : lineOf(frame));
  try {
    const link = await openLink({ endpoint, say: io.err, until: signal });
    const channel = link.client.channel(id);
    await Promise.race([link.ended, show(channel, { ...options, print, say: io.err, signal })]);
  } catch (error) {
    if (signal.aborted) return EXIT.done;
    if (!(error instanceof RookeryError)) throw error;
    io.err(visibleLine(`${error.code}: ${error.message}`));
    return EXIT.failed;
  } finally {
    over.abort();
  }
  return EXIT.done;
}

interface Showing {
  readonly last: number;
  readonly print: (frame: Sequenced) => void;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Ends with an error alone: what took this user out, or the signal's. */
async function show(channel: Channel, { last, print, say, signal }: Showing): Promise<void> {
  const events = channel.events({ signal });
  await channel.ready({ signal });
  const { messages, hasOlder } = channel.state();
  if (hasOlder && messages.length < last) await channel.older({ limit: last, signal });
  const before = last === 0 ? [] : channel.state().messages.slice(-last);
  before.forEach(print);
  const from = before.at(-1);
  for await (const item of events) {
    // What came while the first ones were fetched is among them.
    if (item.type !== "gap" && from && comparePositions(item, from) <= 0) continue;
    if (item.type !== "gap") print(item);
    else if (item.lost) say(`${formatPosition(item.from)} to ${formatPosition(item.to)} are lost`);
    else await bring(channel, item, { print, signal });
  }
}

/** What the client skipped, page after page. */
async function bring(channel: Channel, { from, to }: Gap, { print, signal }: Pick<Showing, "print" | "signal">) {
  let after = { epoch: from.epoch, seq: from.seq - 1 };
  for (let more = true; more && comparePositions(after, to) < 0;) {
    const page = await channel.history({ after, limit: PAGE, signal });
    const wanted = page.messages.filter((frame) => comparePositions(frame, to) <= 0);
    wanted.forEach(print);
    more = page.more && wanted.length === page.messages.length;
    const { epoch, seq } = wanted.at(-1) ?? to;
    after = { epoch, seq };
  }
}

/** `12:01:03 alice: text`, in the reader's time; nothing in it is taken for another message or for an order to the terminal. */
function lineOf(frame: Sequenced): string {
  const time = new Date(frame.at).toTimeString().slice(0, 8);
  const who = speaker(frame.user, frame.type === "message" ? frame.name : frame.user);
  const what = {
    message: () => (frame.type === "message" ? `${who}: ${bodyOf(frame)}` : ""),
    edited: () => (frame.type === "edited" ? `${who} edited: ${bodyOf(frame)}` : ""),
    deleted: () => `${who} deleted a message`,
    reaction: () =>
      frame.type === "reaction" ? `${who} ${frame.on ? "put" : "took back"} ${visibleLine(frame.emoji)}` : "",
  };
  return `${time} ${what[frame.type]()}`;
}

function bodyOf({ body }: { readonly body?: string }): string {
  return body === undefined ? "(deleted)" : visibleBody(body);
}
