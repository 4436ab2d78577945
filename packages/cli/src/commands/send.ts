// `rookery send <channel> <text>`: one message, repeated under the same clientId until its outcome is known.
import { randomBytes } from "node:crypto";
import type { ErrorFrame, Position, ServerFrame } from "@rookery/protocol";
import { comparePositions, formatPosition } from "@rookery/protocol";
import type { Command } from "commander";
import { addEndpointOptions, findEndpoint } from "../chat/endpoint.ts";
import type { EndpointOptions } from "../chat/endpoint.ts";
import type { ChatSocket } from "../chat/socket.ts";
import { stayConnected } from "../chat/stay-connected.ts";
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
/** When the edge does not say how long to wait. */
const RETRY_MS = 500;

export function send(command: Command, io: Io): void {
  addEndpointOptions(command.argument("<channel>", "channel id", channelId).argument("<text>", "what to say"))
    .option("--persisted", "wait until the message is committed in Postgres", false)
    .option("--timeout <s>", "give up after this", wholeNumber(1, LONGEST_TIMEOUT_SEC), DEFAULT_TIMEOUT_SEC)
    .option("--json", "print each answer as one line of JSON", false)
    .action(async (channel: string, body: string, options: SendOptions) => {
      io.exitWith(await sendOnce({ channel, body, clientId: randomBytes(12).toString("base64url") }, options, io));
    });
}

interface Message {
  readonly channel: string;
  readonly body: string;
  /** The same for every repeat: that is what makes them one message. */
  readonly clientId: string;
}

async function sendOnce(message: Message, options: SendOptions, io: Io): Promise<number> {
  const { urls, ...entry } = await findEndpoint(options, io);
  // The last edge first, and tail the first one: together they show that edges reach each other.
  const endpoint = { ...entry, urls: urls.toReversed() };
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), options.timeout * 1000);
  const talk = createTalk(message, options, io, over);
  try {
    await stayConnected({ endpoint, ...talk, say: io.err, until: over.signal });
  } finally {
    clearTimeout(timer);
  }
  if (talk.outcome() === undefined) io.err(talk.unfinished(options.timeout));
  return talk.outcome() ?? EXIT.failed;
}

interface Talk {
  onOpen(socket: ChatSocket): void;
  onFrame(frame: ServerFrame, socket: ChatSocket): void;
  /** The exit code, once it is known. */
  outcome(): number | undefined;
  /** What is known when the time is up. */
  unfinished(timeoutSec: number): string;
}

function createTalk(message: Message, { persisted, json }: SendOptions, io: Io, over: AbortController): Talk {
  const { channel, body, clientId } = message;
  let outcome: number | undefined;
  let placed: Position | undefined;
  const print = (frame: ServerFrame, text: string): void => io.out(json ? JSON.stringify(frame) : text);
  const end = (code: number): void => {
    outcome = code;
    over.abort();
  };
  const speak = (socket: ChatSocket): void => socket.send({ type: "send", ref: "send", channel, clientId, body });
  const enter = (socket: ChatSocket): void => {
    socket.send({ type: "join", ref: "join", channel, limit: 1, persisted });
  };
  const refused = ({ code, message: why, retry, retryAfterMs }: ErrorFrame, socket: ChatSocket): void => {
    io.err(`${code}: ${why}`);
    if (retry === "later") setTimeout(() => enter(socket), retryAfterMs ?? RETRY_MS);
    else end(EXIT.failed);
  };
  return {
    outcome: () => outcome,
    unfinished: (timeoutSec) =>
      placed === undefined
        ? `no answer within ${timeoutSec} s: the message may or may not have been sent`
        : `sent, but not known to be in Postgres after ${timeoutSec} s`,
    onOpen: enter,
    onFrame: (frame, socket) => {
      if (frame.type === "error") refused(frame, socket);
      else if (frame.type === "ok" && frame.ref === "join") speak(socket);
      else if (frame.type === "ok" && frame.ref === "send" && isPlaced(frame)) {
        // A repeat after a lost connection is answered again.
        if (placed === undefined) print(frame, `ok ${formatPosition(frame)}`);
        placed = { epoch: frame.epoch, seq: frame.seq };
        if (!persisted) end(EXIT.done);
      } else if (frame.type === "persisted" && frame.channel === channel) {
        if (placed === undefined || comparePositions(frame, placed) < 0) return;
        print(frame, `persisted ${formatPosition(frame)}`);
        end(EXIT.done);
      }
    },
  };
}

function isPlaced(frame: object): frame is Position {
  return "epoch" in frame && "seq" in frame;
}
