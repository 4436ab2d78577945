// `rookery tail <channel>`: prints what is said in a channel until it is stopped, over reconnects and without a hole.
import type { SequencedFrame, ServerFrame } from "@rookery/protocol";
import type { Command } from "commander";
import { addEndpointOptions, findEndpoint } from "../chat/endpoint.ts";
import type { EndpointOptions } from "../chat/endpoint.ts";
import { createFollower } from "../chat/follower.ts";
import type { FollowStep } from "../chat/follower.ts";
import type { ChatSocket } from "../chat/socket.ts";
import { stayConnected } from "../chat/stay-connected.ts";
import { speaker, visibleBody, visibleLine } from "../chat/visible-text.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, wholeNumber } from "../option-values.ts";

interface TailOptions extends EndpointOptions {
  readonly last: number;
  readonly json: boolean;
}

const MOST_AT_ONCE = 200;

export function tail(command: Command, io: Io): void {
  addEndpointOptions(command.argument("<channel>", "channel id", channelId))
    .option("--last <n>", "begin with the newest n messages", wholeNumber(0, MOST_AT_ONCE), 0)
    .option("--json", "print each frame as one line of JSON", false)
    .action(async (channel: string, options: TailOptions) => {
      io.exitWith(await follow(channel, options, io));
    });
}

async function follow(channel: string, options: TailOptions, io: Io): Promise<number> {
  const endpoint = await findEndpoint(options, io);
  const follower = createFollower(channel, options.last);
  const over = new AbortController();
  let code: number = EXIT.done;
  void io.outClosed().then(() => over.abort());
  const act = (step: FollowStep, socket: ChatSocket): void => {
    if (step.kind === "show") io.out(options.json ? JSON.stringify(step.frame) : lineOf(step.frame));
    else if (step.kind === "ask") socket.send(step.frame);
    else io.err(visibleLine(step.text));
    // Only on this connection: on the next one the follower has begun anew by then.
    if (step.kind === "wait") socket.after(step.ms, () => socket.send(follower.open()));
    if (step.kind !== "end") return;
    code = EXIT.failed;
    over.abort();
  };
  const onFrame = (frame: ServerFrame, socket: ChatSocket): void => {
    for (const step of follower.feed(frame)) act(step, socket);
  };
  const onOpen = (socket: ChatSocket): void => socket.send(follower.open());
  await stayConnected({ endpoint, onOpen, onFrame, say: io.err, until: over.signal });
  return code;
}

/** `12:01:03 alice: text`, in the reader's time; nothing in it is taken for another message or for an order to the terminal. */
function lineOf(frame: SequencedFrame): string {
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
