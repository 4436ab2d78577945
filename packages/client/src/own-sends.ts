/**
 * What this user says in one channel, from the call to Postgres, and what a storage keeps of it meanwhile. A session is told of its
 * own sends alone when they are saved; of those of an earlier one a join says how far Postgres has come, and a repeat, as long as
 * it is known for one, makes them this session's.
 */
import { comparePositions, ORIGIN } from "@rookery/protocol/wire";
import type { ClientFrameOf } from "@rookery/protocol/wire";
import type { Clock } from "./clock.ts";
import { RookeryError } from "./errors.ts";
import type { Kept } from "./kept.ts";
import { isRepeatable } from "./outbox.ts";
import type { Outbox } from "./outbox.ts";
import { isBetween } from "./positions.ts";
import type { SendOptions, Sent } from "./public-channel.ts";
import type { Accepted, Pending, Position } from "./public-types.ts";
import { isOkOf } from "./questions.ts";
import { abortable, ignore, settle } from "./settle.ts";
import type { Settle } from "./settle.ts";

export interface OwnSends {
  readonly send: (body: string, options?: SendOptions) => Sent;
  /** The storage of this user is known: what stands is put there, and what an earlier page left there is gone on with. */
  readonly keep: () => void;
  /** The channel is caught up in a new session. */
  readonly live: () => void;
  /** Postgres has everything up to here. */
  readonly saved: (upTo: Position) => void;
  /** Will not be saved: what stands from one position to the other, or all of it. */
  readonly lost: (error: RookeryError, from?: Position, to?: Position) => void;
  /** Those that are not in the channel. */
  readonly pending: () => readonly Pending[];
  readonly forget: (clientId: string) => boolean;
}

export interface OwnSendsOptions {
  readonly channel: string;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly kept: () => Kept | undefined;
  readonly changed: () => void;
  /** Throws where the channel is over. */
  readonly beIn: () => void;
}

/** What a storage keeps of one that has no answer. */
interface KeptSend {
  /** As it has to be word for word at each repeat. */
  readonly frame: ClientFrameOf<"send">;
  /** When it was entered, and when it was said first, by the time of day. */
  readonly at: number;
  readonly saidAt?: number;
}

/** Without a position it is on its way, or failed; with one it waits for Postgres. */
interface Own {
  send: KeptSend;
  readonly saved: Settle<Position>;
  isKept: boolean;
  position?: Position;
  error?: RookeryError;
}

export function createOwnSends({ channel, clock, outbox, kept, changed, beIn }: OwnSendsOptions): OwnSends {
  const all = new Map<string, Own>();
  let savedTo: Position = ORIGIN;
  let lastAt = 0;

  const put = (own: Own): void => {
    own.isKept = kept()?.put(nameOf(own.send), own.send) ?? false;
  };
  /** Takes out those that stand there. */
  const settleStanding = (how: (own: Own, position: Position) => void, from?: Position, to?: Position): void => {
    for (const [clientId, own] of all) {
      if (!own.position || !isBetween(own.position, from, to)) continue;
      all.delete(clientId);
      how(own, own.position);
    }
  };
  const saved = (upTo: Position): void => {
    if (comparePositions(upTo, savedTo) > 0) savedTo = upTo;
    settleStanding((own, position) => own.saved.resolve(position), ORIGIN, savedTo);
  };

  const obstacle = (own: Own): RookeryError | undefined => {
    const { saidAt } = own.send;
    // Two pages on one storage may have the same send; the one that brings it to its end takes it out.
    if (own.isKept && kept()?.get(nameOf(own.send)) === null)
      return new RookeryError("unknown", "ended by another page");
    own.send = { ...own.send, saidAt: saidAt ?? clock.timeMs() };
    put(own);
    return undefined;
  };

  const begin = (send: KeptSend, isKept: boolean, signal?: AbortSignal): Sent => {
    const { frame, at: enteredAt, saidAt } = send;
    const { clientId } = frame;
    const own: Own = { send, isKept, saved: settle() };
    const { promise: persisted } = own.saved;
    // Whoever does not ask for it is not to be ended by it.
    persisted.catch(ignore);
    lastAt = Math.max(lastAt, enteredAt);
    const drop = (): void => {
      kept()?.drop(nameOf(send));
      changed();
    };
    const accepted = abortable<Accepted>(signal, (resolve, reject) => {
      beIn();
      all.set(clientId, own);
      if (!isKept) put(own);
      const forget = outbox.add({
        ...{ frame, isOrdered: true, saidAt },
        failed(error) {
          own.error = error;
          reject(error);
          // What a closed client had is for the next one.
          if (error.code === "closed") changed();
          else drop();
        },
        obstacle: () => obstacle(own),
        done(answer) {
          // The `ok`, or the message itself: either has them.
          if (answer.type !== "message" && !isOkOf<"send">(answer)) return;
          const { id, epoch, seq, at } = answer;
          own.position = { epoch, seq };
          resolve({ channel, id, clientId, epoch, seq, at });
          saved(savedTo);
          drop();
        },
      });
      changed();
      return () => {
        forget();
        all.delete(clientId);
        drop();
      };
    });
    accepted.catch(own.saved.reject);
    return Object.assign(accepted, { clientId, persisted });
  };

  return {
    saved,
    send(body, { signal, ...details } = {}) {
      // Sixteen bytes, in at most 63 characters; `randomUUID` is missing on pages without TLS.
      const clientId = crypto.getRandomValues(new Uint8Array(16)).join("-");
      const frame = { type: "send", channel, clientId, body, ...details } as const;
      return begin({ frame, at: Math.max(lastAt + 1, clock.timeMs()) }, false, signal);
    },
    keep() {
      for (const own of all.values()) if (!own.position && !own.error && !own.isKept) put(own);
      const left = kept()?.all("send/").filter(isKeptSend) ?? [];
      for (const send of left.toSorted((a, b) => a.at - b.at)) {
        // Its promise went with the page that made it; its outcome is in `pending()` and in the channel.
        if (send.frame.channel === channel && !all.has(send.frame.clientId)) begin(send, true).catch(ignore);
      }
    },
    live() {
      for (const { send, position } of all.values()) {
        if (position && isRepeatable(send.saidAt ?? 0, clock.timeMs()))
          outbox.add({ frame: send.frame, done: ignore, failed: ignore });
      }
    },
    lost: (error, from, to) => settleStanding((own) => own.saved.reject(error), from, to),
    pending: () =>
      [...all.values()]
        .filter(({ position }) => !position)
        .map(({ send: { frame }, error }) => ({ ...frame, status: error ? "failed" : "sending", error })),
    forget(clientId) {
      const isFailed = all.get(clientId)?.error !== undefined;
      if (isFailed) {
        all.delete(clientId);
        changed();
      }
      return isFailed;
    },
  };
}

function nameOf({ frame }: KeptSend): string {
  return `send/${frame.clientId}`;
}

function isKeptSend(value: unknown): value is KeptSend {
  const { frame, at } = (value ?? {}) as Partial<KeptSend>;
  return typeof frame?.clientId === "string" && typeof at === "number";
}
