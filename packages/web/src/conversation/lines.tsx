// The rows that are no messages: day lines, the line of what is new, both ends of what is loaded, and what stands there while there is
// nothing to show.
import type { JSX } from "preact";
import { dayName, exact } from "./times.ts";
import { iso } from "./message-parts.tsx";

export function DayLine({ at, nowMs }: { readonly at: number; readonly nowMs: number }): JSX.Element {
  return (
    <div class="line is-day">
      <time dateTime={iso(at).slice(0, 10)} title={exact(at)}>
        {dayName(at, nowMs)}
      </time>
    </div>
  );
}

export function UnreadLine(): JSX.Element {
  return (
    <div class="line is-unread">
      <span>New messages</span>
    </div>
  );
}

export function Beginning(): JSX.Element {
  return <p class="beginning">This is where the channel begins.</p>;
}

interface OlderLineProps {
  readonly hasFailed: boolean;
  readonly onAgain: () => void;
}

export function OlderLine({ hasFailed, onAgain }: OlderLineProps): JSX.Element {
  if (!hasFailed) return <Skeleton rows={3} label="Loading earlier messages" />;
  return (
    <p class="beginning">
      Earlier messages could not be loaded.{" "}
      <button type="button" class="plain" onClick={onAgain}>
        Try again
      </button>
    </p>
  );
}

const WIDTHS = ["60%", "85%", "40%", "70%", "50%"] as const;

export function Skeleton({ rows, label }: { readonly rows: number; readonly label: string }): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, n) => (
        <div key={n} class="skeleton-row" aria-hidden="true">
          <span class="skeleton-face" />
          <span class="skeleton-lines">
            <span style={{ width: "96px" }} />
            <span style={{ width: WIDTHS[n % WIDTHS.length] ?? "60%" }} />
          </span>
        </div>
      ))}
    </div>
  );
}

export function Empty({ canWrite }: { readonly canWrite: boolean }): JSX.Element {
  return (
    <div class="empty">
      <b>No messages yet.</b> <span>{canWrite ? "Say hello." : "What is written here will show up by itself."}</span>
    </div>
  );
}
