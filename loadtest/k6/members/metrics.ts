// What the scripts measure, and the bounds that every one of them holds while it loads. Used by member.ts, which fills these,
// and by the scripts, which add bounds of their own.
import { Counter, Rate, Trend } from "k6/metrics";
import type { Options } from "k6/options";
import type { CommonKnobs } from "./knobs.ts";

type Thresholds = NonNullable<Options["thresholds"]>;

/** From the begin of a connection to `welcome`. */
export const connectMs = new Trend("chat_connect_ms", true);
/** From `join` to its reply. */
export const joinMs = new Trend("chat_join_ms", true);
/** From the moment at which a message was meant to be sent to its `ok`, waits that a limit asked for included. */
export const okMs = new Trend("chat_ok_ms", true);
/** The same for a message whose connection was lost before its answer, so that it was said again. */
export const repeatOkMs = new Trend("chat_repeat_ok_ms", true);
/** From the same moment to a member who is told it live; both on the clock of the machine that loads. */
export const deliveryMs = new Trend("chat_delivery_ms", true);
/** From the begin of a member's next connection until nothing is missing in any channel. */
export const resumeMs = new Trend("chat_resume_ms", true);
/** Whether a member got in and was live in every channel at least once. */
export const entered = new Rate("chat_entered");

export const sent = new Counter("chat_sent");
export const heard = new Counter("chat_heard");
export const returns = new Counter("chat_returns");
export const gaps = new Counter("chat_gaps");
/** Refused for now: sent again after the wait that was told. */
export const putOff = new Counter("chat_put_off");
/** A connection that ended before its `welcome`: tried again with backoff. */
export const turnedAway = new Counter("chat_turned_away");

/** Told by nobody to nobody: each of them is a broken promise, and one is enough to fail a run. */
export const faults = {
  lost: new Counter("chat_lost"),
  repeated: new Counter("chat_repeated"),
  disordered: new Counter("chat_disordered"),
  unrecovered: new Counter("chat_unrecovered"),
  unanswered: new Counter("chat_unanswered"),
  refused: new Counter("chat_refused"),
  sentAway: new Counter("chat_sent_away"),
} as const;

export function bounds({ okP99Ms, deliveryP99Ms }: CommonKnobs): Thresholds {
  return {
    chat_ok_ms: [`p(99)<${okP99Ms}`],
    chat_delivery_ms: [`p(99)<${deliveryP99Ms}`],
    chat_entered: ["rate==1"],
    chat_sent: ["count>0"],
    chat_heard: ["count>0"],
    ...Object.fromEntries(Object.values(faults).map(({ name }) => [name, ["count==0"]])),
  };
}

/** What a summary tells of a trend. */
export const TREND_STATS = ["min", "med", "p(95)", "p(99)", "max", "count"];
