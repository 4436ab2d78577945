// What a socket that is behind is still to be told, in order: answers, and whatever else must not be left out. Bounded in
// bytes; whoever asks for more than fits has to go. Kept by lanes.ts for each such socket.

export interface ReplyQueue {
  readonly bytes: number;
  readonly isEmpty: boolean;
  /** False when it does not fit: it is not kept, and nothing behind it may be. */
  add(text: string): boolean;
  takeFirst(): string | undefined;
  /** Everything, in order. */
  takeAll(): string[];
}

/** Four of the largest pages. */
export const REPLY_QUEUE_BYTES = 256 * 1024;

export function createReplyQueue(): ReplyQueue {
  let texts: string[] = [];
  let taken = 0;
  let bytes = 0;
  let isOverfull = false;

  return {
    get bytes() {
      return bytes;
    },
    get isEmpty() {
      return taken === texts.length;
    },
    add(text) {
      const size = Buffer.byteLength(text);
      isOverfull ||= bytes + size > REPLY_QUEUE_BYTES;
      if (isOverfull) return false;
      bytes += size;
      texts.push(text);
      return true;
    },
    takeFirst() {
      const text = texts[taken];
      if (text === undefined) return undefined;
      taken += 1;
      bytes -= Buffer.byteLength(text);
      if (taken === texts.length) [texts, taken] = [[], 0];
      return text;
    },
    takeAll() {
      const all = texts.slice(taken);
      [texts, taken, bytes] = [[], 0, 0];
      return all;
    },
  };
}
