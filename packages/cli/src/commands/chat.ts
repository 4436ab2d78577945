// `rookery chat <channel>`: talk in a channel. A screen where a person sits at a terminal, plain lines where a program does.
// Wires the core of chat/chat.ts to a connection that is kept up, and to what shows it.
import type { Command } from "commander";
import { createChat } from "../chat/chat.ts";
import { addEndpointOptions, findEndpoint } from "../chat/endpoint.ts";
import type { EndpointOptions } from "../chat/endpoint.ts";
import { readPiped } from "../chat/piped.ts";
import { plainText } from "../chat/plain-text.ts";
import { stayConnected } from "../chat/stay-connected.ts";
import { openTerminal } from "../chat/terminal.ts";
import { visibleLine } from "../chat/visible-text.ts";
import { onStopSignals } from "../dev/stop-signals.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, wholeNumber } from "../option-values.ts";

interface ChatOptions extends EndpointOptions {
  readonly last: number;
}

const MOST_AT_ONCE = 200;
const LAST = 20;

export function chat(command: Command, io: Io): void {
  addEndpointOptions(command.argument("<channel>", "channel id", channelId))
    .option("--last <n>", "begin with the newest n messages", wholeNumber(0, MOST_AT_ONCE), LAST)
    .action(async (channel: string, options: ChatOptions) => {
      io.exitWith(await converse(channel, options, io));
    });
}

async function converse(channel: string, options: ChatOptions, io: Io): Promise<number> {
  const endpoint = await findEndpoint(options, io);
  const { input, screen } = io.entry();
  const over = new AbortController();
  let code: number = EXIT.done;
  const core = createChat({
    ...{ channel, last: options.last, isTyped: screen !== undefined, nowMs: () => performance.now() },
    happened: (happening) => shown.happened(plainText(happening, (id) => core.scrollback.byId(id)?.number)),
    ended(outcome) {
      code = outcome === "done" ? EXIT.done : EXIT.failed;
      over.abort();
    },
  });
  const quit = (): void => over.abort();
  const shown = screen === undefined ? plainly(io, quit) : onScreen();
  const endSignals = onStopSignals({ stop: quit, stopAtOnce: quit });
  try {
    const reading = screen === undefined ? readPiped(input, core, over.signal) : Promise.resolve();
    await stayConnected({
      endpoint,
      until: over.signal,
      onOpen: (socket) => {
        void socket.closed.then((closing) => {
          core.lost(closing.code);
          shown.changed();
        });
      },
      onFrame: (frame, socket) => {
        core.frame(frame, socket);
        shown.changed();
      },
      say: (line) => shown.say(visibleLine(line)),
    });
    await reading;
  } finally {
    over.abort();
    endSignals();
    shown.close();
    input.destroy();
  }
  return code;

  function onScreen(): Shown {
    if (screen === undefined) throw new Error("there is no screen");
    const terminal = openTerminal({ input, terminal: screen, chat: core, quit });
    const { changed, close } = terminal;
    return { happened: changed, say: (line) => core.note(line), changed, close };
  }

  function plainly({ out, err, outClosed }: Io, whenClosed: () => void): Shown {
    void outClosed().then(whenClosed);
    return { happened: out, say: err, changed: () => core.shown(), close: () => undefined };
  }
}

interface Shown {
  readonly happened: (text: string) => void;
  /** What is no part of the talk: how the connection is. */
  readonly say: (text: string) => void;
  readonly changed: () => void;
  readonly close: () => void;
}
