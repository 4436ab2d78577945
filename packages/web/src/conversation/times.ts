// Moments as people read them, by the browser's language and zone. Pure but for those.
const hoursAndMinutes = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const thisYear = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const anyYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

export function clock(at: number): string {
  return hoursAndMinutes.format(at);
}

export function dayAndClock(at: number): string {
  return dayAndTime.format(at);
}

/** Without a.m. or p.m., for where there is room for five characters. */
export function shortClock(at: number): string {
  const parts = hoursAndMinutes.formatToParts(at).filter(({ type }) => type !== "dayPeriod");
  return parts
    .map(({ value }) => value)
    .join("")
    .trim();
}

export function exact(at: number): string {
  return exactly.format(at);
}

export function dayName(at: number, nowMs: number): string {
  const today = dayOf(nowMs);
  if (at >= today.fromMs) return "Today";
  if (at >= dayOf(today.fromMs - 1).fromMs) return "Yesterday";
  const isThisYear = new Date(at).getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? thisYear : anyYear).format(at);
}

export interface Day {
  readonly fromMs: number;
  readonly toMs: number;
}

/** By this machine's clock and zone; a day is not always 24 hours. */
export function dayOf(at: number): Day {
  const date = new Date(at);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return { fromMs: new Date(year, month, day).getTime(), toMs: new Date(year, month, day + 1).getTime() };
}
