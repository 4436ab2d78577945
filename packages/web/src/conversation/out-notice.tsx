// What stands where one wrote, once one is out of a channel: why, and what helps.
import { RookeryError } from "@rookery/client";
import type { Channel } from "@rookery/client";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { outWords } from "../out-words.ts";
import type { OutError } from "../out-words.ts";
import type { ChannelInfo } from "../rest.ts";

interface OutNoticeProps {
  readonly channel: Channel;
  readonly info: ChannelInfo;
  readonly onLeave: () => void;
}

/** A timer cannot be longer. */
const MOST_TIMER_MS = 2 ** 31 - 1;
/** The cluster's clock is not this one. */
const AFTER_MS = 1_000;
const UNKNOWN: OutError = { code: "unknown", message: "nobody said why" };
const show = (ms: number): string =>
  new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

export function OutNotice({ channel, info, onLeave }: OutNoticeProps): JSX.Element {
  const { channels } = useChat();
  const [why, setWhy] = useState<OutError | undefined>(undefined);
  const [password, setPassword] = useState("");
  useEffect(() => {
    // Rejects at once, with what took this user out.
    channel.ready().catch((error: unknown) => setWhy(error instanceof RookeryError ? error : UNKNOWN));
  }, [channel]);
  useEffect(() => {
    const waitMs = (why?.until ?? Infinity) - Date.now();
    if (waitMs > MOST_TIMER_MS) return undefined;
    const timer = setTimeout(() => channels.open(info), Math.max(waitMs, 0) + AFTER_MS);
    return () => clearTimeout(timer);
  }, [why, channels, info]);
  if (!why) return <div class="out" />;
  const { text, help } = outWords(why, show);
  const retry = (event: Event): void => {
    event.preventDefault();
    channels.open(info, help === "password" ? password : undefined);
  };
  return (
    <form class="out" onSubmit={retry}>
      <p role="alert">{text}</p>
      {help === "password" && (
        <label class="field">
          <span>Password</span>
          <input type="password" value={password} onInput={({ currentTarget }) => setPassword(currentTarget.value)} />
        </label>
      )}
      <div class="out-actions">
        {help !== "none" && (
          <button type="submit" class="button">
            {help === "password" ? "Come in" : "Try again"}
          </button>
        )}
        <button type="button" class="button button-quiet" onClick={onLeave}>
          Take it off the list
        </button>
      </div>
    </form>
  );
}
