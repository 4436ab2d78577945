// What is unread over all channels of the side list. Follows every one of them; draws again only when a sum changes.
import { useEffect, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { useObserved } from "../observe.ts";
import type { OpenChannel } from "./open-channels.ts";

export interface Unread {
  readonly unread: number;
  readonly mentions: number;
}

export function useUnread(): Unread {
  const list = useObserved(useChat().channels.list);
  const [sum, setSum] = useState<Unread>({ unread: 0, mentions: 0 });
  useEffect(() => {
    const look = (): void => {
      const next = sumOf(list);
      setSum((last) => (last.unread === next.unread && last.mentions === next.mentions ? last : next));
    };
    look();
    const stops = list.map(({ channel }) => channel.on("change", look));
    return () => stops.forEach((stop) => stop());
  }, [list]);
  return sum;
}

/** One who was taken out of a channel has nothing unread in it. */
function sumOf(list: readonly OpenChannel[]): Unread {
  const states = list.map(({ channel }) => channel.state()).filter(({ phase }) => phase !== "out");
  return {
    unread: states.reduce((sum, { unread = 0 }) => sum + unread, 0),
    mentions: states.reduce((sum, { mentions = 0 }) => sum + mentions, 0),
  };
}
