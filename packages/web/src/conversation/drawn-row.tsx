// One row of the list, as one element, of whichever kind it is.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import type { MessageActions } from "./actions.ts";
import { Beginning, DayLine, OlderLine, UnreadLine } from "./lines.tsx";
import { MessageRow } from "./message-row.tsx";
import { PendingRow } from "./pending-row.tsx";
import type { Row } from "./rows.ts";
import type { Older } from "./use-older.ts";

interface DrawnRowProps {
  readonly row: Row;
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly actions: MessageActions;
  readonly older: Older;
  readonly unfolded: Set<string>;
  readonly today: number;
  readonly isTabStop: boolean;
  readonly isTarget: boolean;
}

export function DrawnRow({ row, channel, older, today, ...how }: DrawnRowProps): JSX.Element {
  const { kind } = row;
  if (kind === "message") return <MessageRow message={row.message} isFirstOfGroup={row.isFirstOfGroup} {...how} />;
  if (kind === "pending") {
    const { pending, isFirstOfGroup } = row;
    return <PendingRow {...{ pending, isFirstOfGroup, channel }} onGo={how.actions.goTo} />;
  }
  if (kind === "day") return <DayLine at={row.at} nowMs={today} />;
  if (kind === "older") return <OlderLine hasFailed={older.hasFailed} onAgain={older.bring} />;
  return kind === "unread" ? <UnreadLine /> : <Beginning />;
}
