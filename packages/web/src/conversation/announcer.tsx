// Tells screen readers of new messages of others, at most one thing a second. The list itself is silent: what is windowed comes and goes
// as one scrolls, and that is no news.
import type { ChannelState, Message } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const EVERY_MS = 1000;
const MOST_CHARS = 160;

interface AnnouncerProps {
  readonly state: ChannelState;
  readonly me: string;
}

export function Announcer({ state: { messages, phase }, me }: AnnouncerProps): JSX.Element {
  const [said, say] = useState("");
  const last = useRef<Message | undefined>(undefined);
  const news = useRef<Message[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (phase !== "live") return;
    const before = last.current ?? messages.at(-1);
    last.current = messages.at(-1) ?? last.current;
    news.current.push(...newerThan(messages, before).filter(({ user, deleted }) => user !== me && !deleted));
    if (news.current.length === 0 || timer.current !== undefined) return;
    const tell = (): void => {
      timer.current = undefined;
      // Whoever reads the page later is not told of it as if it were still news.
      if (news.current.length === 0) return say("");
      say(announcement(news.current));
      news.current = [];
      timer.current = setTimeout(tell, EVERY_MS);
    };
    tell();
  }, [messages, phase]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div class="unseen" aria-live="polite">
      {said}
    </div>
  );
}

export function announcement(news: readonly Message[]): string {
  const [first] = news;
  if (!first || news.length > 1) return `${news.length} new messages`;
  return `${first.name}: ${(first.body ?? "").slice(0, MOST_CHARS)}`;
}

/** Those at the end of an ascending list; all of an empty channel's. */
export function newerThan(messages: readonly Message[], position: Message | undefined): readonly Message[] {
  if (!position) return messages;
  let from = messages.length;
  for (let each = messages[from - 1]; each && comparePositions(each, position) > 0; each = messages[from - 1]) from--;
  return messages.slice(from);
}
