// What `chat` tells the edge without being asked: that its user writes, and how far they have read. Nobody waits for an answer.
// An edge that does not know such a frame is told of once and not asked again. Kept by the core of `chat`.
import type { ClientFrame, ServerFrame } from "@rookery/protocol";
import type { ChannelTalk } from "./channel-talk.ts";
import { createWriting } from "./writing.ts";

export interface SideWords {
  /** What now stands in the line that is entered. */
  writing(talk: ChannelTalk, text: string): void;
  /** A line was sent, or left. */
  entered(): void;
  /** All of the talk is on the screen. */
  shown(talk: ChannelTalk): void;
  /** Whether the frame answers one of these, and so is nothing to anybody else. */
  concerns(frame: ServerFrame): boolean;
  lost(): void;
}

export interface SideWordsOptions {
  readonly nowMs: () => number;
  readonly send: (frame: ClientFrame) => void;
  /** On this connection. */
  readonly after: (ms: number, act: () => void) => void;
  /** The channel that is joined. */
  readonly joined: () => ChannelTalk | undefined;
  readonly note: (text: string) => void;
}

const READ = "read";
const TYPING = "typing";

export function createSideWords({ nowMs, send, after, joined, note }: SideWordsOptions): SideWords {
  const writing = createWriting(nowMs);
  const unknown = new Set<string>();
  let isReadAwaited = false;

  const tellRead = (): void => {
    isReadAwaited = false;
    const talk = joined();
    if (talk === undefined || unknown.has(READ)) return;
    const position = talk.readMark.take(nowMs());
    if (position !== undefined) send({ type: "read", ref: READ, channel: talk.channel, ...position });
    const dueMs = talk.readMark.dueInMs(nowMs());
    if (dueMs === undefined) return;
    isReadAwaited = true;
    after(dueMs, tellRead);
  };

  return {
    writing({ channel }, text) {
      const on = unknown.has(TYPING) ? undefined : writing.now(text);
      if (on !== undefined) send({ type: "typing", ref: TYPING, channel, on });
    },
    entered: () => writing.over(),
    shown({ told, readMark }) {
      const position = told();
      if (position !== undefined) readMark.shown(position);
      if (!isReadAwaited) tellRead();
    },
    concerns(frame) {
      if (!("ref" in frame) || (frame.ref !== READ && frame.ref !== TYPING)) return false;
      if (frame.type !== "error" || frame.code !== "unknown_type" || unknown.has(frame.ref)) return true;
      unknown.add(frame.ref);
      note(`this edge does not know \`${frame.ref}\` yet`);
      return true;
    },
    lost() {
      isReadAwaited = false;
      writing.over();
    },
  };
}
