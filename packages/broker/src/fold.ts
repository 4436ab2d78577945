// What a message of a backward page says once what happened to it since is folded in: its newest text or none, reactions as
// counts, how often it is answered. Called where such pages are made. Pure. `mine` is nobody's here: whoever asks for a page
// has it told by own-marks.ts.
import {
  comparePositions,
  editedHalves,
  messageHalves,
  ORIGIN,
  parseSequencedFrame,
  renderFrame,
} from "@rookery/protocol";
import type { Since, StoredFrame } from "@rookery/protocol";

/**
 * What Postgres and Redis know of one message. Redis was asked later, and where it remembers the message at all, it has all
 * of its reactions; an edit that was made before it was asked to remember may be known to Postgres alone.
 */
export function mergeSince(stored: Since | undefined, remembered: Since | undefined): Since | undefined {
  if (stored === undefined || remembered === undefined) return remembered ?? stored;
  const isNewer = comparePositions(remembered.edited?.position ?? ORIGIN, stored.edited?.position ?? ORIGIN) > 0;
  const edited = isNewer ? remembered.edited : stored.edited;
  const { reactions } = remembered;
  return {
    id: stored.id,
    ...(edited === undefined ? {} : { edited }),
    ...(stored.deleted === true || remembered.deleted === true ? { deleted: true } : {}),
    ...(reactions === undefined ? {} : { reactions }),
    ...(stored.replies === undefined ? {} : { replies: stored.replies }),
  };
}

/** A message with what is known of it since; any other frame, and one to which nothing happened, as it is. */
export function fold(stored: StoredFrame): StoredFrame {
  const { since } = stored;
  if (since === undefined) return stored;
  const message = parseSequencedFrame(stored.frame);
  if (message.type !== "message") return stored;
  const { replies } = since;
  const isDeleted = message.deleted === true || since.deleted === true;
  const halves = isDeleted
    ? messageHalves({ ...message, deleted: true, replies })
    : messageHalves({
        ...message,
        body: since.edited?.body ?? message.body,
        editedAt: since.edited?.at,
        reactions: since.reactions?.map(({ emoji, count }) => ({ emoji, count, mine: false })),
        replies,
      });
  return { ...stored, frame: renderFrame(halves, message) };
}

/** The same with `mine` told for these emoji. */
export function foldMine(folded: StoredFrame, mine: ReadonlySet<string>): StoredFrame {
  const message = parseSequencedFrame(folded.frame);
  if (message.type !== "message") return folded;
  const reactions = message.reactions?.map((each) => ({ ...each, mine: mine.has(each.emoji) }));
  return { ...folded, frame: renderFrame(messageHalves({ ...message, reactions }), message) };
}

/** What is left of a message that was deleted, and of an edit of one; any other frame as it is. */
export function bury(stored: StoredFrame): StoredFrame {
  const frame = parseSequencedFrame(stored.frame);
  if (frame.type === "message") {
    return { ...stored, frame: renderFrame(messageHalves({ ...frame, deleted: true }), frame) };
  }
  if (frame.type !== "edited") return stored;
  return { ...stored, frame: renderFrame(editedHalves({ ...frame, body: undefined }), frame) };
}

/** Whether a finished frame is of a kind that may carry a message's text. */
export function namesText(frame: string): boolean {
  return frame.startsWith('{"type":"message"') || frame.startsWith('{"type":"edited"');
}

const ID = '"id":"';
const REPLY_TO = '"replyTo":"';
const TOMBSTONE_END = ',"deleted":true}';

// In a frame of ours quotes within a text are escaped, and of these fields only `meta`, which stands behind them, may hold
// others of their name: the first of these words is the field itself.

/** Id of a finished message frame. */
export function idOf(frame: string): string {
  return valueAt(frame, frame.indexOf(ID) + ID.length);
}

/** Which message a finished, unfolded message frame answers. */
function answeredBy(frame: string): string | undefined {
  const at = frame.indexOf(REPLY_TO);
  if (at < 0) return undefined;
  const meta = frame.indexOf('"meta":{');
  return meta >= 0 && meta < at ? undefined : valueAt(frame, at + REPLY_TO.length);
}

function valueAt(frame: string, start: number): string {
  return frame.slice(start, frame.indexOf('"', start));
}

/** How often each message is answered by these; deleted answers do not count. */
export function countAnswers(frames: readonly StoredFrame[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { frame, since } of frames) {
    const answered = answeredBy(frame);
    if (answered === undefined || since?.deleted === true || frame.endsWith(TOMBSTONE_END)) continue;
    counts.set(answered, (counts.get(answered) ?? 0) + 1);
  }
  return counts;
}
