// What the page says of its connection, and what it says when it is out for good. Pure.
import type { ConnectionState } from "@rookery/client";

export interface Connected {
  readonly state: ConnectionState;
  readonly reason: string;
  /** Whether there was a session before. */
  readonly wasOpen: boolean;
  /** As the browser believes. */
  readonly isOnline: boolean;
}

const FOR_GOOD: Readonly<Record<string, string>> = {
  banned: "You are banned. The cluster has closed this connection.",
  replaced: "This page was opened too often: the newest ones are connected, this one is not.",
  protocol: "This page is older than the cluster and has to be loaded again.",
};

/** Undefined: there is nothing to say. */
export function connectionWords({ state, reason, wasOpen, isOnline }: Connected): string | undefined {
  if (state === "open") return undefined;
  if (state === "closed")
    return (
      (Object.hasOwn(FOR_GOOD, reason) ? FOR_GOOD[reason] : undefined) ??
      "The connection was closed for good. Load the page again."
    );
  if (!isOnline) return "You are offline. What you write is kept, and sent when you are back.";
  if (!wasOpen) return "Connecting…";
  return "The connection is lost. Reconnecting… What you write is kept, and sent then.";
}
