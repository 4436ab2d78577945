// One command of `chat` on its way to the edge: sent again over lost connections and refusals that pass, until it is taken or
// refused for good. One at a time, so that what was entered is done in the order in which it was. It knows no socket.
// States: idle, under way (sent on this connection), waiting (for a connection, or as long as the edge said).
import type { ClientFrame, ErrorFrame, FrameLimits, OkFrame } from "@rookery/protocol";
import { isFarewell, MOST_CUTS } from "./cuts.ts";
import { overLimit } from "./over-limit.ts";

export type Command = ClientFrame & { readonly ref: string };

export type DeliveryStep =
  | { readonly kind: "ask"; readonly frame: Command }
  /** Call `again` after this, on this connection. */
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "taken"; readonly frame: Command; readonly reply: OkFrame }
  | { readonly kind: "refused"; readonly frame: Command; readonly text: string };

export interface Deliveries {
  isIdle(): boolean;
  /** Needs to be idle; with `limits` where a connection is ready for it. */
  begin(frame: Command, limits: FrameLimits | undefined): readonly DeliveryStep[];
  /** A connection is ready. */
  opened(limits: FrameLimits): readonly DeliveryStep[];
  /** The connection has ended, with this code. */
  lost(code: number): readonly DeliveryStep[];
  /** Of an `ok` or `error` with a `ref`. */
  answer(frame: OkFrame | ErrorFrame): readonly DeliveryStep[];
  again(): readonly DeliveryStep[];
  /** There is nowhere to deliver it any more. */
  giveUp(text: string): readonly DeliveryStep[];
}

interface UnderWay {
  readonly frame: Command;
  cuts: number;
  isSent: boolean;
  hasWaited: boolean;
}

/** When the edge does not say how long to wait. */
const RETRY_MS = 1000;

export function createDeliveries(): Deliveries {
  let current: UnderWay | undefined;
  /** Of what was last told why it takes so long, until something goes through at once. */
  let told: string | undefined;

  const refuse = (frame: Command, text: string): DeliveryStep[] => {
    current = undefined;
    return [{ kind: "refused", frame, text }];
  };

  const send = (limits: FrameLimits): DeliveryStep[] => {
    if (current === undefined) return [];
    const { frame } = current;
    const excess = overLimit(frame, limits);
    if (excess !== undefined) return refuse(frame, `too_large: ${excess}`);
    current.isSent = true;
    return [{ kind: "ask", frame }];
  };

  const wait = (delivery: UnderWay, { code, message, retryAfterMs: ms = RETRY_MS }: ErrorFrame): DeliveryStep[] => {
    // Once: a long line of messages would say the same of each, and again each second of an outage.
    const isNew = told !== code;
    told = code;
    delivery.hasWaited = true;
    // What the edge says of an unknown outcome is for clients, and done here.
    const why = code === "unknown" ? "it may or may not have been taken" : `${code}: ${message}`;
    const said = { kind: "say", text: `${why}; it is sent again` } as const;
    return [...(isNew ? [said] : []), { kind: "wait", ms }];
  };

  return {
    isIdle: () => current === undefined,
    begin(frame, limits) {
      current = { frame, cuts: 0, isSent: false, hasWaited: false };
      return limits === undefined ? [] : send(limits);
    },
    opened: (limits) => send(limits),
    lost(code) {
      if (current?.isSent !== true) return [];
      current.isSent = false;
      if (isFarewell(code)) return [];
      current.cuts += 1;
      if (current.cuts < MOST_CUTS) return [];
      return refuse(current.frame, `cut ${MOST_CUTS} times while it was sent: it may or may not have been taken`);
    },
    answer(frame) {
      if (current === undefined || frame.ref !== current.frame.ref) return [];
      const delivery = current;
      if (frame.type === "error") {
        return frame.retry === "never"
          ? refuse(delivery.frame, `${frame.code}: ${frame.message}`)
          : wait(delivery, frame);
      }
      if (!delivery.hasWaited) told = undefined;
      current = undefined;
      return [{ kind: "taken", frame: delivery.frame, reply: frame }];
    },
    giveUp: (text) => (current === undefined ? [] : refuse(current.frame, text)),
    again: () => (current?.isSent === true ? [{ kind: "ask", frame: current.frame }] : []),
  };
}
