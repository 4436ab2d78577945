// A member's commands until each is answered: waits as told, repeats after a loss under the same clientId, measures `ok` from
// the moment a message was meant to be sent. Called by member.ts.
import { setTimeout } from "k6/timers";
import type { Command, Frame } from "./frame.ts";
import { faults, putOff } from "./metrics.ts";

export interface Asked {
  readonly command: Command;
  /** Refusals that another member's deed may bring about. */
  readonly mayBe?: readonly string[];
  /** For a message: how many its member had said before it. */
  readonly turn?: number;
  /** When it was meant to be said. */
  readonly meantMs?: number;
  readonly onOk?: (reply: Frame) => void;
}

export interface Commands {
  ask(asked: Asked): void;
  /** Whether the frame answered one of these. */
  hear(frame: Frame): boolean;
  /** Once a channel's reply is there: says everything of it again that was not answered. */
  repeat(channel: string): void;
  waiting(): number;
  /** Counts what was never answered. */
  end(): void;
}

export interface CommandsEvents {
  say(command: Command): boolean;
  /** A message has its `ok`, so long after it was meant to be sent; `wasRepeated`: over a lost connection. */
  accepted(ms: number, wasRepeated: boolean): void;
  /** It was its first try, so that its position follows those of all before it. */
  placed(reply: Frame, turn: number): void;
  /** `after_auth`: a fresh token is needed; the command is repeated after a moment. */
  renew(): void;
}

interface Waiting extends Asked {
  readonly meantMs: number;
  hasBeenRefused: boolean;
  wasRepeated: boolean;
}

/** Where a refusal names no wait. */
const LATER_MS = 500;

export function createCommands(events: CommandsEvents): Commands {
  const waiting = new Map<string, Waiting>();
  let refs = 0;
  let hasEnded = false;

  function say(ref: string): void {
    const asked = waiting.get(ref);
    if (asked !== undefined && !hasEnded) events.say({ ref, ...asked.command });
  }

  function accept(asked: Waiting, reply: Frame): void {
    if (asked.turn !== undefined) {
      events.accepted(Date.now() - asked.meantMs, asked.wasRepeated);
      if (!asked.hasBeenRefused && !asked.wasRepeated && reply.duplicate !== true) events.placed(reply, asked.turn);
    }
    asked.onOk?.(reply);
  }

  function refuse(ref: string, asked: Waiting, { retry, code, retryAfterMs }: Frame): void {
    asked.hasBeenRefused = true;
    if (retry === "never") {
      waiting.delete(ref);
      const isExpected = asked.mayBe?.includes(String(code)) === true;
      if (!isExpected) faults.refused.add(1, { code: String(code) });
      return;
    }
    putOff.add(1, { code: String(code) });
    if (retry === "after_auth") events.renew();
    setTimeout(() => say(ref), retryAfterMs ?? LATER_MS);
  }

  return {
    ask(asked) {
      const ref = `c${(refs += 1)}`;
      waiting.set(ref, { meantMs: Date.now(), ...asked, hasBeenRefused: false, wasRepeated: false });
      say(ref);
    },
    hear(frame) {
      const { ref = "" } = frame;
      const asked = waiting.get(ref);
      if (asked === undefined) return false;
      if (frame.type === "error") refuse(ref, asked, frame);
      else {
        waiting.delete(ref);
        accept(asked, frame);
      }
      return true;
    },
    repeat(channel) {
      for (const [ref, asked] of waiting) {
        if (asked.command.channel !== channel) continue;
        asked.wasRepeated = true;
        say(ref);
      }
    },
    waiting: () => waiting.size,
    end() {
      hasEnded = true;
      if (waiting.size > 0) faults.unanswered.add(waiting.size);
      waiting.clear();
    },
  };
}
