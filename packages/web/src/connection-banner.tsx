// The truth about the connection, above the conversation and without moving it. Silent about what is over before one could read it.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useChat } from "./chat.ts";
import { connectionWords } from "./connection-words.ts";

/** A drained node or a short loss is healed within this. */
const UNTOLD_MS = 800;

export function ConnectionBanner(): JSX.Element {
  const { client } = useChat();
  const [words, setWords] = useState<string | undefined>(undefined);
  useEffect(() => {
    let wasOpen = client.state() === "open";
    let reason = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      const state = client.state();
      wasOpen ||= state === "open";
      const next = connectionWords({ state, reason, wasOpen, isOnline: navigator.onLine });
      clearTimeout(timer);
      timer = setTimeout(() => setWords(next), state === "open" || state === "closed" ? 0 : UNTOLD_MS);
    };
    const stop = client.on("state", (told) => {
      reason = told.reason;
      look();
    });
    const windowEvents = ["online", "offline"];
    for (const event of windowEvents) addEventListener(event, look);
    look();
    return () => {
      stop();
      clearTimeout(timer);
      for (const event of windowEvents) removeEventListener(event, look);
    };
  }, [client]);
  const isOver = words !== undefined && client.state() === "closed";
  return (
    <div role="status" class="banner" data-told={words !== undefined}>
      {words}
      {isOver && (
        <button type="button" class="button-small" onClick={() => location.reload()}>
          Load again
        </button>
      )}
    </div>
  );
}
