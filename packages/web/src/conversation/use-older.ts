// Brings pages from before what is loaded: one at a time, when the reader comes near the top, or until something is found.
import type { Channel, ChannelState } from "@rookery/client";
import { useEffect, useRef, useState } from "preact/hooks";

/** Of 64 KiB at most, whatever this says: so many that a page is more than two windows. */
const PAGE_MESSAGES = 100;
/** What is asked for by its id may be as far back as this; what is further is nobody's scrolling distance. */
export const MOST_PAGES = 20;

export interface Older {
  /** The last try failed: the next one is the reader's to ask for. */
  readonly hasFailed: boolean;
  readonly bring: () => void;
  /** Brings pages until it is there; false where it is not among them. */
  readonly until: (isThere: () => boolean) => Promise<boolean>;
}

export function useOlder(channel: Channel, { phase }: ChannelState): Older {
  const [hasFailed, setFailed] = useState(false);
  const asked = useRef<Promise<void> | undefined>(undefined);
  const signal = useAbort();
  useEffect(() => {
    if (phase === "live") setFailed(false);
  }, [phase]);
  const ask = async (): Promise<void> => {
    try {
      await channel.older({ limit: PAGE_MESSAGES, signal });
      setFailed(false);
    } catch {
      if (!signal.aborted) setFailed(true);
    } finally {
      asked.current = undefined;
    }
  };
  const bring = (): Promise<void> => (asked.current ??= ask());
  return {
    hasFailed,
    bring() {
      bring().catch(console.error);
    },
    async until(isThere) {
      for (let page = 0; page < MOST_PAGES && !isThere() && channel.state().hasOlder; page++) {
        const before = channel.state().messages.length;
        await bring();
        if (signal.aborted || channel.state().messages.length === before) break;
      }
      return isThere();
    },
  };
}

function useAbort(): AbortSignal {
  const made = useRef<AbortController | undefined>(undefined);
  const controller = (made.current ??= new AbortController());
  useEffect(() => () => controller.abort(), []);
  return controller.signal;
}
