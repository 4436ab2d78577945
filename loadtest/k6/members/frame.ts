// The frames of the protocol as far as a member under load looks into them. Read and written by link.ts and member.ts.

export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** A frame with a position: a message or a change of one. */
export interface Sequenced extends Position {
  readonly type: string;
  readonly id: string;
  readonly channel: string;
  readonly prev?: Position;
  readonly user?: string;
  readonly clientId?: string;
  readonly meta?: Readonly<Record<string, string | number | boolean>>;
}

/** The reply to a `join`, or a page of `history`. */
export interface Page {
  readonly messages?: readonly Sequenced[];
  readonly more?: boolean;
  readonly recovered?: boolean;
  readonly epoch?: number;
  readonly seq?: number;
}

export interface Gap {
  readonly from: Position;
  readonly to: Position;
  readonly lost?: boolean;
}

/** Any frame of the server: what is absent from its type is absent from the frame. */
export interface Frame extends Page, Partial<Gap> {
  readonly type: string;
  readonly ref?: string;
  readonly channel?: string;
  readonly id?: string;
  readonly code?: string | number;
  readonly retry?: "never" | "later" | "after_auth";
  readonly retryAfterMs?: number;
  readonly afterMs?: number;
  readonly refreshAt?: number;
  readonly duplicate?: boolean;
  readonly meta?: Readonly<Record<string, string | number | boolean>>;
}

export interface Command {
  readonly type: string;
  readonly channel?: string;
  readonly [field: string]: unknown;
}

export function isAfter(a: Position, b: Position): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);
}

export function isSequenced(frame: Frame): frame is Frame & Sequenced {
  return SEQUENCED.has(frame.type) && frame.seq !== undefined && frame.epoch !== undefined;
}

const SEQUENCED: ReadonlySet<string> = new Set(["message", "edited", "deleted", "reaction"]);
