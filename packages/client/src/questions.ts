/**
 * What one session is asked after another. Each question is answered for good at most once, and never where its session ends before.
 * Refusals that pass are waited out here: whoever asks hears `ok` or a final refusal. Knows no channel.
 */
import { backoffMs, RECONNECT } from "@rookery/protocol/wire";
import type { ClientFrame, ErrorFrame, OkBodyType, OkFrame, OkFrameOf } from "@rookery/protocol/wire";
import type { Clock } from "./clock.ts";

export type Answered<T extends OkBodyType> = (answer: OkFrameOf<T> | ErrorFrame) => void;

/** An edge answers with what belongs to the frame: that is the protocol's word, and not looked at again. */
export function isOkOf<T extends OkBodyType>(answer: { readonly type: string }): answer is OkFrameOf<T> {
  return answer.type === "ok";
}

export interface Questions {
  /** The frame is made anew for each time that it is said; undefined when nobody wants to know any more. */
  readonly ask: <T extends OkBodyType>(frameOf: () => ClientFrame | undefined, answered: Answered<T>) => void;
  /** False when nobody has asked. */
  readonly answer: (frame: OkFrame | ErrorFrame) => boolean;
  /** True for a refusal that passes: then `again` is called when it has, unless the session ends before. */
  readonly passes: (
    answer: { readonly type: "ok" } | Omit<ErrorFrame, "ref">,
    again: () => void,
    tries?: number,
  ) => boolean;
  /** The session is over. */
  readonly end: () => void;
}

export interface QuestionsWorld {
  readonly clock: Clock;
  readonly say: (frame: ClientFrame) => void;
  /** The token in use is refused: another one is asked for and shown, and what was asked is asked again meanwhile. */
  readonly renew: () => void;
}

/** What fails inside the cluster so often fails because of what was asked. */
const MOST_FAULTS = 5;

export function createQuestions({ clock, say, renew }: QuestionsWorld): Questions {
  /** Another one for each session. */
  let asked = new Map<string, (answer: OkFrame | ErrorFrame) => void>();
  let refs = 0;

  const passes: Questions["passes"] = (answer, again, tries = 0) => {
    if (answer.type === "ok" || answer.retry === "never" || (answer.code === "internal" && tries >= MOST_FAULTS))
      return false;
    if (answer.retry === "after_auth") renew();
    const asOf = asked;
    clock.after(answer.retryAfterMs ?? backoffMs(tries, RECONNECT, clock.random()), () => {
      if (asOf === asked) again();
    });
    return true;
  };

  return {
    passes,
    ask<T extends OkBodyType>(frameOf: () => ClientFrame | undefined, answered: Answered<T>) {
      let tries = -1;
      const attempt = (): void => {
        const frame = frameOf();
        if (!frame) return;
        const ref = (refs += 1).toString(36);
        tries += 1;
        asked.set(ref, (answer) => {
          if (isOkOf<T>(answer)) answered(answer);
          else if (answer.type === "error" && !passes(answer, attempt, tries)) answered(answer);
        });
        say({ ...frame, ref });
      };
      attempt();
    },
    answer(frame) {
      const { ref = "" } = frame;
      const answered = asked.get(ref);
      asked.delete(ref);
      answered?.(frame);
      return answered !== undefined;
    },
    end: () => void (asked = new Map()),
  };
}
