// The answers to a message that were asked for: the newest page at once, older ones when somebody wants them, and again what has changed
// of those that the channel's state does not show, since nobody keeps them up to date but this.
import type { Channel, Message, Position, Sequenced } from "@rookery/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { wordsOf } from "../words-of.ts";
import { joined } from "./thread.ts";

export interface AskedReplies {
  readonly replies: readonly Message[];
  readonly more: boolean;
  readonly isAsking: boolean;
  /** For those before what is there. */
  readonly older: () => void;
}

interface Query {
  readonly before?: Position;
  readonly limit?: number;
}

const AT_FIRST = { replies: [], more: false, isAsking: true } as const;

export function useAskedReplies(channel: Channel, rootId: string): AskedReplies {
  const { tell } = useChat();
  const [shown, setShown] = useState<Omit<AskedReplies, "older">>(AT_FIRST);
  const known = useRef<readonly Message[]>([]);
  known.current = shown.replies;
  const left = useRef(new AbortController());
  const ask = async (query: Query = {}): Promise<{ readonly found: readonly Message[]; readonly more: boolean }> => {
    const { signal } = left.current;
    const { messages, more } = await channel.history({ replyTo: rootId, ...query, signal });
    return { found: messages.filter((each) => each.type === "message"), more };
  };
  /** Of what there is before: that alone says whether there is more. */
  const page = (before?: Position): void => {
    const { signal } = left.current;
    setShown((last) => ({ ...last, isAsking: true }));
    ask(before && { before }).then(
      ({ found, more }) => setShown(({ replies }) => ({ replies: joined(found, replies), more, isAsking: false })),
      (error: unknown) => {
        if (signal.aborted) return;
        setShown((last) => ({ ...last, isAsking: false }));
        tell(wordsOf(error));
      },
    );
  };
  /** Nobody asked for these: where the answer fails, what is there stays as it was. */
  const again = (query?: Query): void => {
    ask(query).then(
      ({ found }) => setShown((last) => ({ ...last, replies: joined(last.replies, found) })),
      () => undefined,
    );
  };
  useEffect(() => {
    const given = new AbortController();
    left.current = given;
    known.current = [];
    setShown(AT_FIRST);
    page();
    const stop = channel.on("event", (item) => {
      if (item.type === "gap") again();
      else if (item.type !== "message") lookAgainAt(item, channel, known.current, again);
    });
    return () => {
      stop();
      given.abort();
    };
  }, [channel, rootId]);
  return { ...shown, older: () => page(placeOf(shown.replies[0])) };
}

function lookAgainAt(
  { id }: Sequenced,
  channel: Channel,
  known: readonly Message[],
  again: (query: Query) => void,
): void {
  const message = known.find((each) => each.id === id);
  if (!message || channel.state().messages.some((each) => each.id === id)) return;
  again({ before: { epoch: message.epoch, seq: message.seq + 1 }, limit: 1 });
}

function placeOf(message: Message | undefined): Position | undefined {
  return message && { epoch: message.epoch, seq: message.seq };
}
