// Every frame of a client on its way in: its rate and its size are judged before any of it is read, then it waits if a token
// is being looked at, then it is decoded and dispatched. Called by the listener alone, and it calls nobody back: the way is
// listener, intake, dispatch, command. It never keeps the layer's buffer beyond a call.
// States of a session here: taken (each frame at once), held (frames wait for a token, then are taken in order), deaf (it
// has been told to go, or is gone).

import { binaryFrameError, ChatError, findRef } from "@rookery/protocol";
import type { ClientFrame, Decoded, FrameLimits } from "@rookery/protocol";
import type { Session } from "./session.ts";

export interface Intake {
  /** Takes one WebSocket message. `bytes` is the layer's own buffer: whatever is kept beyond this call is a copy. */
  receive(session: Session, bytes: Uint8Array, isBinary: boolean, nowMs: number): void;
  /** Holds every later frame until then: what follows a token must be judged by it. `looked` never rejects. */
  holdUntil(session: Session, looked: Promise<void>): void;
}

export interface IntakeOptions {
  readonly limits: Pick<FrameLimits, "frameBytes">;
  /** Largest frame before there is an identity. */
  readonly authFrameBytes: number;
  decode(this: void, bytes: Uint8Array): Decoded;
  /** Carries a decoded frame out; what comes back is what later frames have to wait for. */
  dispatch(this: void, session: Session, frame: ClientFrame, nowMs: number): Promise<void> | undefined;
}

/** Frames kept while a token is looked at: each at most of the largest size, so this bounds what a socket may hold. */
const HELD_FRAMES = 128;
const BINARY_FRAME: Decoded = { kind: "refusal", error: binaryFrameError() };

export function createIntake({ limits, authFrameBytes, decode, dispatch }: IntakeOptions): Intake {
  function read(session: Session, bytes: Uint8Array, isBinary: boolean, nowMs: number): void {
    if (!session.isLive) return;
    if (session.held !== undefined) {
      hold(session, bytes, isBinary, nowMs);
      return;
    }
    const isKnown = session.identity !== undefined;
    if (!isKnown && !mayBeAuth(session, bytes, nowMs)) return;
    const decoded = isBinary ? BINARY_FRAME : decode(bytes);
    if (!isKnown && !isAuth(session, decoded, nowMs)) return;
    if (decoded.kind === "refusal") {
      session.refuse(decoded.error, decoded.ref, nowMs);
      return;
    }
    const looked = dispatch(session, decoded.frame, nowMs);
    if (looked !== undefined) holdUntil(session, looked);
  }

  function hold(session: Session, bytes: Uint8Array, isBinary: boolean, nowMs: number): void {
    if (session.held !== undefined && session.held.length < HELD_FRAMES)
      session.held.push({ bytes: Uint8Array.from(bytes), isBinary });
    else session.refuse(new ChatError("overloaded", "too many frames wait for a token"), findRef(bytes), nowMs);
  }

  function holdUntil(session: Session, looked: Promise<void>): void {
    session.held ??= [];
    const resume = (): void => {
      const nowMs = performance.now();
      const held = session.held ?? [];
      session.held = undefined;
      for (const { bytes, isBinary } of held) read(session, bytes, isBinary, nowMs);
    };
    looked.then(resume, resume);
  }

  /** Before there is an identity only a frame of the size of `auth` is read at all; anything else is shown the door. */
  function mayBeAuth(session: Session, bytes: Uint8Array, nowMs: number): boolean {
    if (bytes.byteLength <= authFrameBytes) return true;
    const error = new ChatError("too_large", `before authentication a frame has at most ${authFrameBytes} bytes`);
    session.refuse(error, findRef(bytes), nowMs);
    session.farewell("token", nowMs);
    return false;
  }

  return {
    receive(session, bytes, isBinary, nowMs) {
      if (!session.isLive) return;
      session.heard(nowMs);
      const waitMs = session.take("commands", nowMs);
      if (waitMs > 0) {
        const error = new ChatError("rate_limited", "too many frames", { retryAfterMs: waitMs });
        session.refuse(error, findRef(bytes), nowMs);
      } else if (session.held !== undefined && bytes.byteLength > limits.frameBytes) {
        const error = new ChatError("too_large", `a frame is over ${limits.frameBytes} bytes`);
        session.refuse(error, findRef(bytes), nowMs);
      } else read(session, bytes, isBinary, nowMs);
    },
    holdUntil,
  };
}

function isAuth(session: Session, decoded: Decoded, nowMs: number): boolean {
  if (decoded.kind === "frame" && decoded.frame.type === "auth") return true;
  const ref = decoded.kind === "frame" ? decoded.frame.ref : decoded.ref;
  session.refuse(new ChatError("unauthenticated", "the first frame must be auth with a valid token"), ref, nowMs);
  session.farewell("token", nowMs);
  return false;
}
