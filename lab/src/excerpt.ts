// Owns the few events that show a violation: those that name what it names, and in the history that it names the ones
// around them. Called for what main.ts prints. Pure. Must never leave out where an event came from.
import { comparePositions } from "@rookery/testkit";
import type { ChatClient, Row } from "@rookery/testkit";

type Histories = readonly Pick<ChatClient["history"], "client" | "events">[];
type Event = Histories[number]["events"][number];

interface Line {
  readonly atMs: number;
  readonly text: string;
}

const MOST_LINES = 24;
/** Epochs are times in ms: names of clients hold no number of that length. */
const POSITION = /\b(\d{10,})-(\d+)\b/g;

/** Lines of JSON with the client before each, by time. */
export function excerptOf(detail: string, histories: Histories, rows: readonly Row[]): string[] {
  const positions = [...detail.matchAll(POSITION)].map(([, epoch, seq]) => ({
    epoch: Number(epoch),
    seq: Number(seq),
  }));
  const isNamed = (event: object): boolean => {
    const at = "epoch" in event && "seq" in event ? { epoch: Number(event.epoch), seq: Number(event.seq) } : undefined;
    if (at !== undefined && positions.some((one) => comparePositions(one, at) === 0)) {
      return !("channel" in event) || detail.includes(String(event.channel));
    }
    return ["clientId", "id"].some((name) => {
      const value: unknown = Object.entries(event).find(([key]) => key === name)?.[1];
      return typeof value === "string" && value !== "" && detail.includes(value);
    });
  };
  const lines = histories.flatMap(({ client, events }) => {
    const isAccused = new RegExp(`(^|[^\\w-])${client}([^\\w-]|$)`).test(detail);
    const picked = new Set(events.filter((event) => isNamed(event) || (isAccused && isAboutSomebody(event, detail))));
    if (isAccused) for (const event of around(events, positions, detail)) picked.add(event);
    return [...picked].map((event): Line => ({ atMs: event.atMs, text: `${client} ${JSON.stringify(event)}` }));
  });
  const stored = rows.filter(isNamed).map((row) => `Postgres ${JSON.stringify(row)}`);
  const shown = lines.toSorted((a, b) => a.atMs - b.atMs).map(({ text }) => text);
  const left = shown.length + stored.length - MOST_LINES;
  return [...shown.slice(0, MOST_LINES), ...stored, ...(left > 0 ? [`(${left} more that name it)`] : [])];
}

/** Who came, went, was seen, or may no longer be: of a user whom the violation names. */
function isAboutSomebody(event: Event, detail: string): boolean {
  const isOfPresence = event.kind === "bound" || event.kind === "present" || event.kind === "coming";
  return isOfPresence && new RegExp(`(^|[^\\w-])${event.user}([^\\w-]|$)`).test(detail);
}

/** Of the client that is named: the frames on both sides of each position, and what told it of breaks. */
function around(
  events: readonly Event[],
  positions: readonly { epoch: number; seq: number }[],
  detail: string,
): Event[] {
  const own = events.filter(
    (event) => "channel" in event && event.channel !== undefined && detail.includes(event.channel),
  );
  const frames = own.filter((event) => event.kind === "frame");
  return positions.flatMap((position) => {
    const below = frames.filter((frame) => comparePositions(frame, position) < 0);
    const above = frames.filter((frame) => comparePositions(frame, position) > 0);
    const [before] = below.toSorted((a, b) => comparePositions(b, a));
    const [after] = above.toSorted((a, b) => comparePositions(a, b));
    const breaks = own.filter(
      (event) =>
        (event.kind === "gap" &&
          comparePositions(event.from, position) <= 0 &&
          comparePositions(event.to, position) >= 0) ||
        (event.kind === "start" && after !== undefined && before !== undefined && isBetween(event, before, after)),
    );
    return [before, ...breaks, after].filter((event) => event !== undefined);
  });
}

const isBetween = (event: Event, before: Event, after: Event): boolean =>
  before.atMs <= event.atMs && event.atMs <= after.atMs;
