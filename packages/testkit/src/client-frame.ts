// Owns the testkit's own reading of a frame: plain JSON, and no import of the project's encoder or decoder, so that a
// mistake there cannot hide itself. Called by the client and the checker. Must never repair what a server sent.

/** A position in a channel's order: first by epoch, then by seq. An empty channel stands at `{0,0}`. */
export interface Position {
  epoch: number;
  seq: number;
}

/** Any frame of either direction. Fields are as they came; those that a type does not have are absent. */
export interface Frame {
  type: string;
  ref?: string;
  channel?: string;
  epoch?: number;
  seq?: number;
  prev?: Position;
  id?: string;
  clientId?: string;
  user?: string;
  name?: string;
  body?: string;
  /** Milliseconds since the Unix epoch on the server's clock. */
  at?: number;
  code?: string | number;
  message?: string;
  retry?: string;
  retryAfterMs?: number;
  duplicate?: boolean;
  recovered?: boolean;
  more?: boolean;
  lost?: boolean;
  from?: Position;
  to?: Position;
  messages?: Frame[];
  results?: Frame[];
  afterMs?: number;
  online?: number;
  on?: boolean;
  [field: string]: unknown;
}

/** A frame that stands at a position of a channel. */
export type SequencedFrame = Frame & Position & { channel: string };

const sequencedTypes = new Set(["message", "edited", "deleted", "reaction"]);

export const isPosition = (value: unknown): value is Position =>
  typeof value === "object" &&
  value !== null &&
  "epoch" in value &&
  "seq" in value &&
  Number.isSafeInteger(value.epoch) &&
  Number.isSafeInteger(value.seq);

const isFrame = (value: unknown): value is Frame =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

/** Reads one text frame. Throws when it is no object with a type: no server of ours may send that. */
export const parseFrame = (text: string): Frame => {
  const value: unknown = JSON.parse(text);
  if (isFrame(value)) return value;
  throw new Error(`not a frame: ${text.slice(0, 200)}`);
};

export const isSequenced = (frame: Frame): frame is SequencedFrame =>
  sequencedTypes.has(frame.type) && typeof frame.channel === "string" && isPosition(frame);

/** Negative when `a` comes first, zero when they are the same position. */
export const comparePositions = (a: Position, b: Position): number => a.epoch - b.epoch || a.seq - b.seq;

/** `<epoch>-<seq>`: one text for each position, for maps. */
export const positionText = ({ epoch, seq }: Position): string => `${epoch}-${seq}`;
