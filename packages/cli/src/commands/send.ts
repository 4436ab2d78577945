// `rookery send <channel> <text>`: one message, repeated under the same clientId until its outcome is known. What is over
// the cluster's limits is never sent, and what only ever gets the connection cut is not repeated for ever.
import { randomBytes } from "node:crypto";
import type { ClientFrame, ErrorFrame, Position, ServerFrame } from "@rookery/protocol";
import { comparePositions, formatPosition } from "@rookery/protocol";
import type { Command } from "commander";
import { addEndpointOptions, findEndpoint } from "../chat/endpoint.ts";
import type { EndpointOptions } from "../chat/endpoint.ts";
import { isFarewell, MOST_CUTS } from "../chat/cuts.ts";
import { overLimit } from "../chat/over-limit.ts";
import type { ChatSocket } from "../chat/socket.ts";
import { stayConnected } from "../chat/stay-connected.ts";
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
    await stayConnected({ endpoint, ...talk, onOpen: () => undefined, say: io.err, until: over.signal });
  } finally {
    clearTimeout(timer);
  }
  if (talk.outcome() === undefined) io.err(talk.unfinished(options.timeout));
  return talk.outcome() ?? EXIT.failed;
}

interface Talk {
  onFrame(frame: ServerFrame, socket: ChatSocket): void;
  /** The exit code, once it is known. */
  outcome(): number | undefined;
  /** What is known when the time is up. */
  unfinished(timeoutSec: number): string;
}

function createTalk(message: Message, { persisted, json }: SendOptions, io: Io, over: AbortController): Talk {
  const { channel, body, clientId } = message;
  const frame: ClientFrame = { type: "send", ref: "send", channel, clientId, body };
  let outcome: number | undefined;
  let placed: Position | undefined;
  let cuts = 0;
  let spokenOn: ChatSocket | undefined;
  /** Why it is repeated, each reason told once: a master that is away refuses every repeat alike. */
  const told = new Set<string>();
  const print = (answer: ServerFrame, text: string): void => io.out(json ? JSON.stringify(answer) : text);
  const end = (code: number): void => {
    outcome = code;
    over.abort();
  };
  const fail = (text: string): void => {
    io.err(text);
    end(EXIT.failed);
  };
  const enter = (socket: ChatSocket): void => {
    socket.send({ type: "join", ref: "join", channel, limit: 1, persisted });
  };
  const speak = (socket: ChatSocket): void => {
    socket.send(frame);
    if (spokenOn === socket) return;
    spokenOn = socket;
    void socket.closed.then(({ code }) => {
      if (outcome !== undefined || placed !== undefined || isFarewell(code)) return;
      cuts += 1;
      if (cuts === MOST_CUTS) fail(`cut ${cuts} times while it was sent: the message may or may not have been taken`);
    });
  };
  const refused = ({ code, message: why, retry, retryAfterMs }: ErrorFrame, socket: ChatSocket): void => {
    const text = visibleLine(`${code}: ${why}`);
    if (retry !== "later") return fail(text);
    if (!told.has(text)) io.err(text);
    told.add(text);
    return socket.after(retryAfterMs ?? RETRY_MS, () => enter(socket));
  };
  return {
    outcome: () => outcome,
    unfinished: (timeoutSec) =>
      placed === undefined
        ? `no answer within ${timeoutSec} s: the message may or may not have been sent`
        : `sent, but not known to be in Postgres after ${timeoutSec} s`,
    onFrame: (answer, socket) => {
      if (answer.type === "welcome") {
        const excess = overLimit(frame, answer.limits);
        if (excess === undefined) enter(socket);
        else fail(`too_large: ${excess}`);
      } else if (answer.type === "error") refused(answer, socket);
      else if (answer.type === "ok" && answer.ref === "join") speak(socket);
      else if (answer.type === "ok" && answer.ref === "send" && isPlaced(answer)) {
        // A repeat after a lost connection is answered again.
        if (placed === undefined) print(answer, `ok ${formatPosition(answer)}`);
        placed = { epoch: answer.epoch, seq: answer.seq };
        if (!persisted) end(EXIT.done);
      } else if (answer.type === "persisted" && answer.channel === channel) {
        if (placed === undefined || comparePositions(answer, placed) < 0) return;
        print(answer, `persisted ${formatPosition(answer)}`);
        end(EXIT.done);
      }
    },
  };
}

function isPlaced(frame: object): frame is Position {
  return "epoch" in frame && "seq" in frame;
}
